// The Secret of a client, as tests of its keys and presets render it.
import { digestOf } from '@nauthera/proto/digest'
import { Secret } from '@nauthera/runtime/secret'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { SecretMarks } from '../../src/decide/secret/rotation-terms.ts'
import { renderSecret } from '../../src/decide/secret/secret.ts'
import type { RenderedSecret } from '../../src/decide/secret/secret.ts'
import { client } from './clients.ts'

export const plain = new Secret('a-secret-of-43-characters-is-what-is-minted')
const sha256 = digestOf(plain.reveal())
export const marks: SecretMarks = {
  secretId: sha256.slice(0, 8),
  rotatedAt: Date.UTC(2026, 0, 1),
  verifiers: [
    { id: sha256.slice(0, 8), sha256 },
    { id: 'ffffffff', sha256: 'f'.repeat(64), notAfter: Date.UTC(2026, 0, 2) },
  ],
  observed: { trigger: 't1', revoke: 'r1' },
  fence: 'ffffffff',
}

export function render(
  secret: OIDCClientSpec['secret'] = {},
  options: { plain?: Secret | undefined; spec?: Partial<OIDCClientSpec> } = { plain },
) {
  return renderSecret({
    client: client({ ...options.spec, secret }),
    clientId: 'demo.app',
    issuer: 'https://login.example.com',
    plain: options.plain,
    marks: options.plain && marks,
  })
}

export function rendered(...options: Parameters<typeof render>): RenderedSecret {
  const result = render(...options)
  if (result.kind === 'invalid') throw new Error(JSON.stringify(result.faults))
  return result.secret
}

export const dataOf = ({ data }: RenderedSecret): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value.reveal()]))

export const canonical = {
  client_id: 'demo.app',
  client_secret: plain.reveal(),
  issuer: 'https://login.example.com',
  discovery_url: 'https://login.example.com/.well-known/openid-configuration',
  authorization_endpoint: 'https://login.example.com/authorize',
  token_endpoint: 'https://login.example.com/token',
  userinfo_endpoint: 'https://login.example.com/userinfo',
  jwks_uri: 'https://login.example.com/jwks',
  end_session_endpoint: 'https://login.example.com/logout',
  scopes: 'openid profile email groups',
  redirect_uris: 'https://app.example.com/callback',
}
