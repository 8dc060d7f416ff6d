import { nodeApplication, tryApplication } from './support/application.ts'

const version = '1.7.25'

tryApplication({
  page: 'better-auth',
  name: 'better-auth (genericOAuth)',
  version,
  // of jose
  betweenKeyReadsMs: 30_000,
  prepare: async () => ({
    ...(await nodeApplication('better-auth', [`better-auth@${version}`])),
    env: { SECRET: 'a secret of this trial alone, of more than 32 characters' },
  }),
  callback: '/api/auth/callback/nauthera',
  client: (url) => ({ postLogoutRedirectURIs: [`${url}/`], secret: { presets: ['Env'] } }),
  sends: 'code_challenge_method=S256',
})
