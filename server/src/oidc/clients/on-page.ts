import type { ClientOnPage } from '../../reply.ts'
import type { OidcClient } from './oidc-client.ts'

/** A client as pages show it. A person can always start again somewhere: without a page of its own, a web application is where it
 *  takes people back. */
export function clientOnPage(client: Pick<OidcClient, 'clientId' | 'config'>): ClientOnPage {
  const { config } = client
  return {
    clientId: client.clientId,
    name: config.clientName || client.clientId,
    logo: config.logoUri.startsWith('data:') ? config.logoUri : undefined,
    startUrl: config.initiateLoginUri || config.clientUri || originOf(config.redirectUris),
    policyUrl: config.policyUri || undefined,
    termsUrl: config.tosUri || undefined,
  }
}

/** The origin of the first redirect URI on the web; undefined for an application on a device. */
function originOf(redirectUris: readonly string[]): string | undefined {
  const first = redirectUris.find((uri) => uri.startsWith('https://'))
  return first === undefined ? undefined : new URL('/', first).href
}
