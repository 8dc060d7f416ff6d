import { pythonApplication, tryApplication } from './support/application.ts'

const version = '1.9.10'

tryApplication({
  page: 'flask',
  name: 'Authlib, with Flask 3.1.3',
  version,
  prepare: () => pythonApplication('flask', [`authlib==${version}`, 'flask==3.1.3', 'requests==2.34.2']),
  callback: '/callback',
  client: () => ({ secret: { presets: ['Env'] } }),
  sends: 'code_challenge_method=S256',
})
