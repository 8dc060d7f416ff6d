import type { ClientOnPage } from '../../reply.ts'
import type { OidcClient } from './oidc-client.ts'

/** A client as pages show it. */
export function clientOnPage(client: Pick<OidcClient, 'clientId' | 'config'>): ClientOnPage {
  const { config } = client
  return {
    clientId: client.clientId,
    name: config.clientName || client.clientId,
    logo: config.logoUri.startsWith('data:') ? config.logoUri : undefined,
    startUrl: config.initiateLoginUri || config.clientUri || undefined,
    policyUrl: config.policyUri || undefined,
    termsUrl: config.tosUri || undefined,
  }
}
