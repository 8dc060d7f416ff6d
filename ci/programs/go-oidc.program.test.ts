import { goApplication, tryApplication } from './support/application.ts'

const version = '3.21.0'

tryApplication({
  page: 'go-oidc',
  name: 'go-oidc',
  version,
  prepare: () => goApplication('go-oidc', version),
  callback: '/callback',
  sends: 'code_challenge_method=S256',
})
