import { trySinglePage, viteBuild } from './support/single-page.ts'

const version = '3.5.0'

trySinglePage({
  page: 'vue',
  name: 'Vue 3.5.45 with oidc-client-ts, built by Vite 8.3.8',
  version,
  packages: [`oidc-client-ts@${version}`, 'vue@3.5.45', 'vue-router@5.5.1', 'vite@8.3.8', '@vitejs/plugin-vue@6.0.11'],
  shown: { 'sign-in.js': 'new UserManager', 'main.js': 'createRouter', 'Home.vue': '<template>' },
  leadsAway: true,
  build: viteBuild,
})
