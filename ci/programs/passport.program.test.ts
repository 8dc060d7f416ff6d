import { nodeApplication, tryApplication } from './support/application.ts'

const version = '0.1.2'
const packages = [`passport-openidconnect@${version}`, 'passport@0.7.0', 'express@5.3.0', 'express-session@1.19.0']

tryApplication({
  page: 'passport',
  name: 'Passport, with passport-openidconnect',
  version,
  prepare: () => nodeApplication('passport', packages),
  callback: '/callback',
  client: () => ({ secret: { presets: ['Generic', 'Env'] } }),
  sends: 'nonce=',
  refreshesNot: 'left to code of the application',
})
