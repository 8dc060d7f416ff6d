import { nodeApplication, tryApplication } from './support/application.ts'

const version = '3.4.0'

tryApplication({
  page: 'express-openid-connect',
  name: 'express-openid-connect',
  version,
  prepare: async () => ({
    ...(await nodeApplication('express-openid-connect', [`express-openid-connect@${version}`, 'express@5.3.0'])),
    env: { SECRET: 'a secret of this trial alone' },
  }),
  callback: '/callback',
  client: (url) => ({ postLogoutRedirectURIs: [url], secret: { presets: ['ExpressOpenIDConnect'] } }),
  sends: 'code_challenge_method=S256',
})
