import { trySinglePage, viteBuild } from './support/single-page.ts'

const version = '3.3.1'
const packages = [
  `react-oidc-context@${version}`,
  'oidc-client-ts@3.5.0',
  'react@19.3.1',
  'react-dom@19.3.1',
  'vite@8.3.8',
  '@vitejs/plugin-react@6.3.0',
]

trySinglePage({
  page: 'react',
  name: 'React 19.3.1 with react-oidc-context, built by Vite 8.3.8',
  version,
  packages,
  shown: { 'App.jsx': 'export const App' },
  build: viteBuild,
})
