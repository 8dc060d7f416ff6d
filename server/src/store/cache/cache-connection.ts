import { readFileSync } from 'node:fs'
import type { Secret } from '@nauthera/runtime/secret'
import { readSecretFile } from '@nauthera/runtime/settings'
import type { ServerSettings } from '../../settings.ts'

/** Where the cache is. `ca` (PEM) means TLS. */
export type CacheConnection =
  | { readonly kind: 'url'; readonly url: Secret }
  | {
      readonly kind: 'host'
      readonly host: string
      readonly port: number
      readonly password?: Secret
      readonly ca?: string
    }
  | {
      readonly kind: 'sentinel'
      readonly sentinels: readonly { readonly host: string; readonly port: number }[]
      /** Name of the primary at the Sentinels. */
      readonly name: string
      readonly password?: Secret
      readonly ca?: string
    }

const sentinelPort = 26379

/** Reads the files that the settings name.
 *  @returns undefined when nothing is to be cached
 *  @throws CodedError SETTINGS_INVALID that names the file */
export function cacheConnection(cache: ServerSettings['cache']): CacheConnection | undefined {
  if (cache.urlFile !== undefined) return { kind: 'url', url: readSecretFile(cache.urlFile, 'cache.urlFile') }
  const secured = {
    ...(cache.passwordFile === undefined ? {} : { password: readSecretFile(cache.passwordFile, 'cache.passwordFile') }),
    ...(cache.caFile === undefined ? {} : { ca: readFileSync(cache.caFile, 'utf8') }),
  }
  if (cache.host !== undefined) return { kind: 'host', host: cache.host, port: cache.port, ...secured }
  if (cache.sentinels.length === 0) return undefined
  const sentinels = cache.sentinels.map((text) => {
    const [host = '', port] = text.split(':')
    return { host, port: port === undefined ? sentinelPort : Number(port) }
  })
  return { kind: 'sentinel', sentinels, name: cache.sentinelName, ...secured }
}
