// Authenticates a client by a platform token: signature, by its issuer's keys, and claims.
import type { Identity } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { platformTokenLife } from '@nauthera/rules/identities'
import type { ClusterIssuerKeys, IssuerKeys } from '../../clients/cluster-issuer.ts'
import { keyIdOf, verifyForeign } from '../keys/jwt.ts'
import { clockTolerance } from '../../clock-age.ts'
import type { KeySource } from '../outbound/issuer-keys.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { claimedIdentity, judgeToken, readClaims, strangerOf } from './platform-token.ts'
import type { TokenClaims, TokenRefusal } from './platform-token.ts'

export type PlatformProof =
  { readonly kind: 'proved'; readonly identity: Identity } | { readonly kind: 'refused'; readonly why: TokenRefusal }

export interface PlatformProofs {
  /** @returns whether the issuer is known here */
  knows(issuer: string): boolean
  prove(token: string, client: OidcClient): Promise<PlatformProof>
}

/** @param needs.issuers of the settings; `ofCluster` marks the issuer of this cluster
 *  @param needs.onUnknownKey called for a token of this cluster, or of a joined one, with an unknown key */
export function createPlatformProofs(needs: {
  readonly issuer: string
  readonly cluster: Pick<ClusterIssuerKeys, 'current' | 'ofCluster'>
  readonly issuers: readonly { readonly issuer: string; readonly ofCluster: boolean; readonly source: KeySource }[]
  readonly onUnknownKey: () => void
  /** Epoch milliseconds. */
  readonly now: () => number
}): PlatformProofs {
  const { cluster } = needs
  const own = needs.issuers.find(({ ofCluster }) => ofCluster)
  const others = new Map(needs.issuers.filter(({ ofCluster }) => !ofCluster).map((one) => [one.issuer, one.source]))
  const clusterIssuer = (joined?: string) =>
    joined === undefined ? (own?.issuer ?? cluster.current()?.issuer) : cluster.ofCluster(joined)?.issuer

  const keysFor = async ({ serviceAccount, clusterServiceAccount, issuer }: Identity, kid: string | undefined) => {
    if (clusterServiceAccount) return cluster.ofCluster(clusterServiceAccount.cluster)
    if (!serviceAccount) return await others.get(issuer)?.keys(kid)
    return own ? await own.source.keys(kid) : cluster.current()
  }

  const verify = async (token: string, identity: Identity): Promise<TokenClaims | TokenRefusal> => {
    const kid = keyIdOf(token)
    const keys = liveKeys(await keysFor(identity, kid), needs.now())
    const verified = keys.length === 0 ? 'unknown-key' : await verifyForeign(token, keys)
    const isPushed = identity.clusterServiceAccount !== undefined || (identity.serviceAccount !== undefined && !own)
    if (verified === 'unknown-key' && isPushed) needs.onUnknownKey()
    return verified
  }

  return {
    knows: (issuer) => issuer === clusterIssuer() || others.has(issuer),
    prove: async (token, { config, accountsSince }) => {
      const claims = readClaims(token)
      if (claims === undefined) return refused('malformed')
      const terms = {
        identities: config.identities,
        clusterIssuer,
        audience: needs.issuer,
        accountsSince,
        longest: config.platformTokenTtl || platformTokenLife.usual,
        now: needs.now() / 1000,
        tolerance: clockTolerance,
      }
      const claimed = claimedIdentity(claims, terms)
      if (claimed === undefined) return refused(strangerOf(claims, terms))
      const verified = await verify(token, claimed)
      if (typeof verified === 'string') return refused(verified)
      const judged = judgeToken(verified, terms)
      // the verified claims name the same identity as the unverified ones
      return judged.kind === 'proved' && judged.identity !== claimed ? refused('malformed') : judged
    },
  }
}

const refused = (why: TokenRefusal): PlatformProof => ({ kind: 'refused', why })

const liveKeys = (issuer: IssuerKeys | undefined, now: number) =>
  (issuer?.keys ?? []).filter(({ notAfter }) => notAfter === undefined || now < notAfter).map(({ jwk }) => jwk)
