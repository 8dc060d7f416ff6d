import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
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
  const read = (key: string) => readFile(join(directory, key), 'utf8').catch(() => undefined)
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
    isThere: async () => (await read('client_id')) !== undefined,
    clientId: async () => (await read('client_id')) ?? '',
    scopes: () => read('scopes'),
    configuration: async () => {
      const [id, secret, issuer] = await Promise.all([read('client_id'), read('client_secret'), read('issuer')])
      if (id === undefined || issuer === undefined) return undefined
      const authentication = secret === undefined ? client.None() : client.ClientSecretBasic(secret)
      const configuration = new client.Configuration(await discover(issuer, id), id, undefined, authentication)
      for (const extend of executeFor(issuer)) extend(configuration)
      return configuration
    },
    secretId: async () => {
      const secret = await read('client_secret')
      return secret === undefined ? undefined : createHash('sha256').update(secret).digest('hex').slice(0, 8)
    },
  }
}

/** Loopback http is for development only; elsewhere openid-client insists on https. */
const executeFor = (issuer: string) => (issuer.startsWith('http:') ? [client.allowInsecureRequests] : [])
