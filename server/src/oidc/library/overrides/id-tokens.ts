import { parseJsonRecord } from '@nauthera/runtime/json'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { createIds } from '../../keys/random-ids.ts'
import { currentRequest } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { IdToken, Internals } from '../shapes.ts'
import { groupClaims } from './add-group-claims.ts'

/** IdToken.prototype.issue: makes none where the client may no longer have `openid`, since it would have no `sub`. It adds the claims of the scopes (OpenID Connect Core 2), unless the client wants few, and `jti` and `at_hash`.
 *  IdToken.validate (id_token_hint): accepts every algorithm of ours, so that old tokens stay valid when the client's algorithm changes. */
export function idTokens({ IdToken }: Internals, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  const nextId = createIds({ bytes: 32, encoding: 'base64url' })
  replace(
    IdToken.prototype,
    'issue',
    (original) =>
      async function issue(this: IdToken, options) {
        const scopes = this.scope?.split(' ') ?? []
        if (options.use === 'idtoken' && !scopes.includes('openid')) return undefined
        if (options.use === 'idtoken') {
          this.set('jti', nextId())
          // the library makes a hash of it
          this.set('at_hash', currentRequest().accessToken)
        }
        if (options.use === 'idtoken' && clients.registered(this.client).config.idTokenClaims === 'Minimal') {
          this.scope = 'openid'
          this.available = { ...this.available, [groupClaims]: undefined }
        }
        return original.call(this, options)
      },
  )
  replace(
    IdToken,
    'validate',
    (original) =>
      async function validate(this: Internals['IdToken'], jwt, { clientId, idTokenSignedResponseAlg }) {
        const { alg, typ } = headerOf(jwt)
        // a logout token has issuer, audience and subject of an ID token (RFC 8725 section 3.11)
        if (typ !== undefined && !(typeof typ === 'string' && typ.toLowerCase() === 'jwt'))
          throw new TypeError('this is no ID token')
        // the keys are ours whatever the token says: the library looks for the one of this algorithm and kid in our own set
        const signedBy = signingAlgorithms.find((known) => known === alg) ?? idTokenSignedResponseAlg
        return original.call(this, jwt, { clientId, idTokenSignedResponseAlg: signedBy })
      },
  )
}

/** @returns what the header says, before anything is verified; nothing for what is no JWT */
function headerOf(jwt: unknown): { alg?: unknown; typ?: unknown } {
  const [header = ''] = typeof jwt === 'string' ? jwt.split('.') : []
  return parseJsonRecord(Buffer.from(header, 'base64url').toString()) ?? {}
}
