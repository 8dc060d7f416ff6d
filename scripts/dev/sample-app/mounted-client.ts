import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inOneVersion } from '@nauthera/proto/mounted-volume'
import * as client from 'openid-client'

/** The client as its mounted Secret describes it. Files are read at each use: the kubelet swaps them at a rotation. */
export interface MountedClient {
  isThere(): Promise<boolean>
  clientId(): Promise<string>
  /** Scopes of the Secret, separated by spaces. */
  scopes(): Promise<string | undefined>
  /** @returns for openid-client; undefined while there is no Secret */
  configuration(): Promise<client.Configuration | undefined>
  /** @returns the first 8 hex of the digest of the secret: the id that logs, events and status use for it; undefined for a public
   *  client */
  secretId(): Promise<string | undefined>
}

export function createMountedClient(directory: string): MountedClient {
  const readAll = (...keys: readonly string[]): readonly (string | undefined)[] =>
    inOneVersion([join(directory, 'client_id')], () => keys.map((key) => readIfThere(join(directory, key))))
  const read = (key: string) => readAll(key)[0]
  let discovered: { issuer: string; metadata: Promise<client.ServerMetadata> } | undefined

  /** The server's metadata is asked once an issuer, and again when that failed. */
  const discover = (issuer: string, id: string): Promise<client.ServerMetadata> => {
    if (discovered?.issuer === issuer) return discovered.metadata
    const metadata = client
      .discovery(new URL(issuer), id, undefined, client.None(), { execute: executeFor(issuer) })
      .then((configuration) => configuration.serverMetadata())
    discovered = { issuer, metadata }
    metadata.catch(() => (discovered = undefined))
    return metadata
  }
  return {
    isThere: async () => read('client_id') !== undefined,
    clientId: async () => read('client_id') ?? '',
    scopes: async () => read('scopes'),
    configuration: async () => {
      const [id, secret, issuer] = readAll('client_id', 'client_secret', 'issuer')
      if (id === undefined || issuer === undefined) return undefined
      const authentication = secret === undefined ? client.None() : client.ClientSecretBasic(secret)
      const configuration = new client.Configuration(await discover(issuer, id), id, undefined, authentication)
      for (const extend of executeFor(issuer)) extend(configuration)
      return configuration
    },
    secretId: async () => {
      const secret = read('client_secret')
      return secret === undefined ? undefined : createHash('sha256').update(secret).digest('hex').slice(0, 8)
    },
  }
}

/** A public client has no secret. A file that a switch took away looks the same, and so is looked for again. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Loopback http is for development only; elsewhere openid-client insists on https. */
const executeFor = (issuer: string) => (issuer.startsWith('http:') ? [client.allowInsecureRequests] : [])
