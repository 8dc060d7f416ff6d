import { pythonApplication, tryApplication } from './support/application.ts'

const version = '1.9.10'
const packages = [`authlib==${version}`, 'fastapi==0.165.0', 'uvicorn==0.54.0', 'itsdangerous==2.2.0', 'httpx==0.28.1']

tryApplication({
  page: 'fastapi',
  name: 'Authlib, with FastAPI 0.165.0',
  version,
  prepare: () => pythonApplication('fastapi', packages),
  callback: '/callback',
  client: () => ({ secret: { presets: ['Env'] } }),
  sends: 'code_challenge_method=S256',
})
