import { goBuild } from './prepare.ts'

export const oauth2ProxyVersion = '7.15.6'

/** @returns its path */
export const buildOAuth2Proxy = (): Promise<string> =>
  goBuild('ci/e2e/images/oauth2-proxy', 'github.com/oauth2-proxy/oauth2-proxy/v7', oauth2ProxyVersion)
