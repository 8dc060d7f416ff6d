// What a preset is, and the parts that several have.
import type { CanonicalKey } from '../../api/client-secret.ts'
import type { OIDCClientSpec } from '../../api/oidc-client.ts'

/** The values of a client, by the names that they have in a Secret. */
export type SecretValues = Readonly<
  Record<Exclude<CanonicalKey, 'client_secret' | 'protected_resource_metadata'>, string>
> & {
  readonly client_secret?: string
  readonly protected_resource_metadata?: string
}

/** What a preset is made of. */
export interface PresetInput {
  readonly values: SecretValues
  readonly spec: OIDCClientSpec
  /** Of the Secret itself. */
  readonly secretName: string
}

export type PresetData = Readonly<Record<string, string>>

export interface PresetRow {
  /** @returns the keys that it adds; those of the secret are absent for a client without one */
  data(input: PresetInput): PresetData
  /** The option of the program that turns PKCE on. Absent where the program always sends PKCE or a nonce, or has no option. */
  readonly pkce?: string
  /** Labels that it adds to the Secret. */
  readonly labels?: PresetData
  /** Whether the program refuses an issuer over http, as in development. */
  readonly needsHttps?: true
}

export const secretUnder = (key: string, { client_secret: secret }: SecretValues): PresetData =>
  secret === undefined ? {} : { [key]: secret }

/** The first redirect URI, for a program that has one. */
export function redirectUnder(key: string, { redirect_uris: uris }: SecretValues): PresetData {
  const [first] = uris.split(' ')
  return first ? { [key]: first } : {}
}

/** The address of the program itself, where its first redirect URI ends with the callback that it always has. */
export function addressUnder(key: string, { redirect_uris: uris }: SecretValues, callback: string): PresetData {
  const [first = ''] = uris.split(' ')
  return first.endsWith(callback) ? { [key]: first.slice(0, -callback.length) } : {}
}

export const scopesIn = ({ scopes }: SecretValues): string[] => scopes.split(' ').filter((scope) => scope !== '')
