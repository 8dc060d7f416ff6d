import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { goBuild } from './prepare.ts'

export const oauth2ProxyVersion = '7.15.6'

/** @returns its path */
export const buildOAuth2Proxy = (): Promise<string> =>
  goBuild('ci/e2e/images/oauth2-proxy', 'github.com/oauth2-proxy/oauth2-proxy/v7', oauth2ProxyVersion)

/** What the client of a proxy says beside its callback; its people come to `url`. */
export const oauth2ProxyClient = (url: string): OIDCClientSpec => ({
  type: 'Web',
  postLogoutRedirectURIs: [`${url}/`],
  secret: { presets: ['OAuth2Proxy'] },
})

/** It renews what it knows of a person after a second, and works without TLS. */
export const oauth2ProxyOptions = [
  '--email-domain=*',
  '--cookie-secret=0123456789abcdef0123456789abcdef',
  '--cookie-secure=false',
  '--cookie-refresh=1s',
]
