import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Target } from '@nauthera/harness/browser'

/** What the load needs to know of a product, whichever it is. The paths are those of its discovery document. */
export interface LoadedProduct extends Target {
  readonly name: string
  readonly paths: {
    readonly authorization: string
    readonly token: string
    readonly introspection: string
    readonly userinfo: string
    readonly discovery: string
    readonly jwks: string
  }
  readonly clients: Partial<Readonly<Record<ClientRole, Client>>>
  readonly redirectUri: string
  /** Who can sign in, and what the fields of the sign-in form are called. */
  readonly people: readonly { readonly username: string; readonly password: string }[]
  readonly form: { readonly username: string; readonly password: string }
  /** Other parameters of an authorization request, such as another scope. */
  readonly scope: string
  /** Undefined for a product whose processes are not here. */
  readonly pids?: { readonly server: number; readonly postmaster?: number | undefined }
}

export type ClientRole = 'machine' | 'signing' | 'platform' | 'web' | 'web-rs256' | 'web-api'

export interface Client {
  readonly id: string
  readonly secret?: string
  /** For private_key_jwt. */
  readonly key?: KeyObject
  /** Gives the token of its platform. */
  readonly platformToken?: () => string
  /** An API that its people's tokens are for. */
  readonly resource?: string
}

/** The key of the client that signs its assertions. */
export function createSigningKey(): { privateKey: KeyObject; jwk: Record<string, unknown> } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' } }
}
