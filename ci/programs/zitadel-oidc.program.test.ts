import { goApplication, tryApplication } from './support/application.ts'

const version = '3.52.0'

tryApplication({
  page: 'zitadel-oidc',
  name: 'zitadel/oidc, its client for Go',
  version,
  prepare: () => goApplication('zitadel-oidc', version),
  callback: '/auth/callback',
  client: (url) => ({ postLogoutRedirectURIs: [`${url}/bye`] }),
})
