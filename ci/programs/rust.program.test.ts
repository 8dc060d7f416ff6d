import { rustApplication, tryApplication } from './support/application.ts'

const version = '4.1.0'

tryApplication({
  page: 'rust',
  name: 'openidconnect (Rust)',
  version,
  prepare: () => rustApplication('rust', version),
  callback: '/callback',
  client: (url) => ({ postLogoutRedirectURIs: [`${url}/`] }),
  sends: 'code_challenge_method=S256',
  mistake: { given: ({ issuer }) => ({ issuer: `${issuer}/` }), said: 'unexpected issuer URI' },
})
