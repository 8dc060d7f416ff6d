// Where the cache is, from the settings and the files that they name.
import { readFileSync } from 'node:fs'
import { CodedError } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import { readSecretFile } from '@nauthera/runtime/settings'
import type { ServerSettings } from '../../settings.ts'

export interface CacheAddress {
  readonly host: string
  readonly port: number
}

export interface CacheConnection {
  readonly place:
    | ({ readonly kind: 'host' } & CacheAddress)
    /** `name` is that of the primary at the Sentinels. */
    | { readonly kind: 'sentinel'; readonly sentinels: readonly CacheAddress[]; readonly name: string }
  readonly user?: string
  readonly password?: Secret
  readonly database?: number
  /** Without it, the connection is in the clear. `ca` is PEM; without it, the authorities of Node count. */
  readonly tls?: { readonly ca?: string }
}

const ports = { cache: 6379, sentinel: 26379 }

/** Reads the files that the settings name.
 *  @returns undefined when nothing is to be cached
 *  @throws CodedError SETTINGS_INVALID that names the file */
export function cacheConnection(cache: ServerSettings['cache']): CacheConnection | undefined {
  if (cache.urlFile !== undefined) return parseCacheUrl(readSecretFile(cache.urlFile, 'cache.urlFile'))
  const secured = {
    ...(cache.passwordFile === undefined ? {} : { password: readSecretFile(cache.passwordFile, 'cache.passwordFile') }),
    ...(cache.caFile === undefined ? {} : { tls: { ca: readFileSync(cache.caFile, 'utf8') } }),
  }
  if (cache.host !== undefined) return { place: { kind: 'host', host: cache.host, port: cache.port }, ...secured }
  if (cache.sentinels.length === 0) return undefined
  const sentinels = cache.sentinels.map((text) => {
    const [host = '', port] = text.split(':')
    return { host, port: port === undefined ? ports.sentinel : Number(port) }
  })
  return { place: { kind: 'sentinel', sentinels, name: cache.sentinelName }, ...secured }
}

/** @param secret `redis[s]://[[user]:password@]host[:port][/number of the database]`
 *  @throws CodedError SETTINGS_INVALID for anything else */
export function parseCacheUrl(secret: Secret): CacheConnection {
  const url = URL.parse(secret.reveal())
  const database = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '')?.[1]
  const [user, password] = [url?.username, url?.password].map(decoded)
  const isUrl = url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== '' && url.search + url.hash === ''
  if (!isUrl || database === undefined || user === undefined || password === undefined)
    throw new CodedError('SETTINGS_INVALID', {
      faults: [
        {
          path: 'cache.urlFile',
          message: 'must hold redis[s]://[[user]:password@]host[:port][/database], and nothing behind it',
        },
      ],
    })
  return {
    place: {
      kind: 'host',
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? ports.cache : Number(url.port),
    },
    ...(user === '' ? {} : { user }),
    ...(password === '' ? {} : { password: new Secret(password) }),
    ...(database === '' ? {} : { database: Number(database) }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

/** @returns undefined for what is not encoded as a URL is */
function decoded(text = ''): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
