// Which identity of a client a platform's token proves: what its claims must say. Pure; the signature is looked at elsewhere.
import { isJsonRecord, parseJsonRecord } from '@nauthera/runtime/json'
import type { Identity } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { serviceAccountOf, serviceAccountSubject } from '@nauthera/rules/identities'

export type TokenClaims = Readonly<Record<string, unknown>>

/** Why a token is refused, as in the audit log. */
export type TokenRefusal =
  | 'malformed'
  | 'unknown-issuer'
  | 'wrong-subject'
  | 'unknown-key'
  | 'bad-signature'
  | 'wrong-audience'
  | 'expired'
  | 'not-yet-valid'
  | 'over-long'
  | 'before-namespace'
  | 'unbound'

export interface TokenTerms {
  readonly identities: readonly Identity[]
  /** The issuer of this cluster's ServiceAccounts, or of those of a joined cluster; undefined while unknown. */
  readonly clusterIssuer: (cluster?: string) => string | undefined
  /** Our issuer, the only allowed audience. */
  readonly audience: string
  /** When the namespaces of ServiceAccounts were made, epoch seconds; one that is not in it is not known. */
  readonly accountsSince: ReadonlyMap<string, number> | undefined
  /** From `iat` to `exp`, seconds. */
  readonly longest: number
  /** Epoch seconds, and how far clocks may differ. */
  readonly now: number
  readonly tolerance: number
}

/** @returns the identity that matches the claims exactly. Identities of other issuers never match those of a cluster. Two clusters may have
 *  one issuer: the cluster is that of the client, and its keys alone tell them apart */
export function claimedIdentity(
  { iss, sub }: TokenClaims,
  { identities, clusterIssuer }: Pick<TokenTerms, 'identities' | 'clusterIssuer'>,
): Identity | undefined {
  return identities.find((identity) => {
    const [issuer, subject] = [issuerOf(identity, clusterIssuer), subjectOf(identity)]
    return issuer !== undefined && issuer !== '' && subject !== '' && iss === issuer && sub === subject
  })
}

function issuerOf(
  { serviceAccount, clusterServiceAccount, issuer }: Identity,
  clusterIssuer: TokenTerms['clusterIssuer'],
): string | undefined {
  if (clusterServiceAccount) return clusterIssuer(clusterServiceAccount.cluster)
  return serviceAccount ? clusterIssuer() : issuer
}

function subjectOf({ serviceAccount, clusterServiceAccount, subject }: Identity): string {
  const account = serviceAccount ?? clusterServiceAccount
  return account ? serviceAccountSubject(account) : subject
}

/** @param claims of a token with a valid signature
 *  @returns the proven identity, or why there is none */
export function judgeToken(
  claims: TokenClaims,
  terms: TokenTerms,
): { readonly kind: 'proved'; readonly identity: Identity } | { readonly kind: 'refused'; readonly why: TokenRefusal } {
  const identity = claimedIdentity(claims, terms)
  if (identity === undefined) return { kind: 'refused', why: strangerOf(claims, terms) }
  const why =
    audienceFault(claims, terms) ?? timeFault(claims, terms) ?? ageFault(claims, identity, terms) ?? boundFault(claims)
  return why === undefined ? { kind: 'proved', identity } : { kind: 'refused', why }
}

/** @returns whether the issuer or the subject is unknown */
export function strangerOf(
  { iss, sub }: TokenClaims,
  { identities, clusterIssuer }: Pick<TokenTerms, 'identities' | 'clusterIssuer'>,
): TokenRefusal {
  if (typeof iss !== 'string' || typeof sub !== 'string') return 'malformed'
  const issuers = identities.map((identity) => issuerOf(identity, clusterIssuer))
  return issuers.includes(iss) ? 'wrong-subject' : 'unknown-issuer'
}

/** A token with further audiences could be replayed by one of them. */
function audienceFault({ aud }: TokenClaims, { audience }: TokenTerms): TokenRefusal | undefined {
  const isOurs = aud === audience || (Array.isArray(aud) && aud.length === 1 && aud[0] === audience)
  return isOurs ? undefined : 'wrong-audience'
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function timeFault({ exp, iat, nbf }: TokenClaims, { now, tolerance, longest }: TokenTerms): TokenRefusal | undefined {
  if (!isTime(exp) || !isTime(iat) || (nbf !== undefined && !isTime(nbf))) return 'malformed'
  if (exp <= now - tolerance) return 'expired'
  if (iat > now + tolerance || (nbf ?? iat) > now + tolerance) return 'not-yet-valid'
  return exp - iat > longest ? 'over-long' : undefined
}

/** An account of the same name in a namespace that was deleted may have been another tenant's. Both times are of API servers of that cluster,
 *  which may be two: a pod that begins at once with its namespace must not wait for its next token. */
function ageFault(
  { iat }: TokenClaims,
  { serviceAccount, clusterServiceAccount }: Identity,
  { accountsSince, tolerance }: TokenTerms,
): TokenRefusal | undefined {
  const account = serviceAccount ?? clusterServiceAccount
  const since = account && accountsSince?.get(account.namespace)
  return since !== undefined && Number(iat) < since - tolerance ? 'before-namespace' : undefined
}

/** A ServiceAccount token must be bound to a pod: tokens of `kubectl create token` are not. */
function boundFault({ sub, 'kubernetes.io': about }: TokenClaims): TokenRefusal | undefined {
  const account = serviceAccountOf(String(sub))
  if (account === undefined) return undefined
  if (!isJsonRecord(about)) return 'unbound'
  const { namespace, serviceaccount, pod } = about
  if (namespace !== account.namespace || !isJsonRecord(serviceaccount) || serviceaccount['name'] !== account.name)
    return 'malformed'
  return isJsonRecord(pod) && isName(pod['name']) && isName(pod['uid']) ? undefined : 'unbound'
}
const isName = (value: unknown): boolean => typeof value === 'string' && value !== ''

/** @returns the unverified claims of a token; undefined when it is no JWT */
export function readClaims(token: string): TokenClaims | undefined {
  const [, payload, ...more] = token.split('.')
  if (payload === undefined || more.length !== 1) return undefined
  return parseJsonRecord(Buffer.from(payload, 'base64url').toString('utf8'))
}
