// Describes a client for pages.
import { createHash } from 'node:crypto'
import { paths } from '@nauthera/rules/endpoints'
import type { ClientOnPage } from '../../reply/on-page.ts'
import { isDocumentId } from './metadata-document.ts'
import type { OidcClient } from './oidc-client.ts'
import { ownClientId } from './own-client.ts'

/** A client as pages show it. Without a home page, the link to start again is the origin of a web application's redirect URI. */
export function clientOnPage(client: Pick<OidcClient, 'clientId' | 'config'>): ClientOnPage {
  const { config } = client
  return {
    clientId: client.clientId,
    name: config.clientName || client.clientId,
    ...(client.clientId === ownClientId ? { own: true } : {}),
    ...(isDocumentId(client.clientId) ? { host: new URL(client.clientId).host } : {}),
    logo: logoOf(client)?.path,
    startUrl: config.initiateLoginUri || config.clientUri || originOf(config),
    policyUrl: config.policyUri || undefined,
    termsUrl: config.tosUri || undefined,
  }
}

/** The path of a client's logo, below the issuer, and its URL. Another logo has another path, so browsers may cache it. */
export function logoOf({
  clientId,
  config,
}: Pick<OidcClient, 'clientId' | 'config'>): { path: string; url: string } | undefined {
  const url = config.logoUri
  if (url === '') return undefined
  const hash = createHash('sha256').update(url).digest('hex').slice(0, 12)
  return { path: `${paths.logo}/${encodeURIComponent(clientId)}/${hash}`, url }
}

const origins = new WeakMap<OidcClient['config'], string>()

/** The origin of the first redirect URI on the web; undefined for an application on a device. */
function originOf(config: OidcClient['config']): string | undefined {
  const known = origins.get(config)
  if (known !== undefined) return known
  const { redirectUris, type } = config
  // http is only for loopback, where a program shows no page
  const first = redirectUris.find(
    (uri) => uri.startsWith('https://') || (type !== 'Native' && uri.startsWith('http://')),
  )
  if (first === undefined) return undefined
  const origin = new URL('/', first).href
  origins.set(config, origin)
  return origin
}
