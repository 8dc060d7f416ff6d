// What rules and policies say of one client. judge.ts decides it, before the client's Secret is read.
import type { ClientConfig, ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Acceptance } from '../client/acceptance.ts'
import type { Effective } from '../client/apply-defaults.ts'
import type { Violation } from '../client/check-policies.ts'
import type { BindingPolicies } from '../client/policies.ts'
import type { DeclaredApi } from './declared-api.ts'

export interface Judgement extends Effective {
  /** The rules: of the spec, and of ids that two clients claim. */
  readonly acceptance: Acceptance
  /** The client id that servers have it under, or get with the present version; undefined when nothing of it is served. What it may do
   *  follows from this one: the id that it wants may be another's. */
  readonly served: string | undefined
  /** Names of the policies that hold for it. */
  readonly policies: readonly string[]
  /** Policies could be asked about its present version, or about one that servers have. */
  readonly isJudged: boolean
  /** Violations of these policies by the present version, and by other versions that servers have. */
  readonly violations: readonly Violation[]
  /** Since when it breaks each binding policy. The grace period counts from then, whatever is edited meanwhile. */
  readonly breaches: readonly Breach[]
  /** The grace period of an earlier version is over: only the present version may be served. */
  readonly forbidsEarlier: boolean
  /** The binding policies; undefined when the object is unreadable. */
  readonly binding: BindingPolicies | undefined
  /** The APIs that it declares: none, one, or two while it waits for another identifier. */
  readonly declared: readonly DeclaredApi[]
  /** The quota of its tenant in its shard, bytes. */
  readonly shardBytes: number
  /** That of its whole joined cluster; Infinity for a client of this one. */
  readonly clusterBytes: number
  /** Limits of clients that have no place for it; undefined where nobody counts. */
  readonly fullLimits?: readonly FullLimit[]
  /** What servers may get of it. */
  readonly serve:
    | { readonly kind: 'desired'; readonly config: ClientConfig; readonly version: ClientVersion }
    /** The last accepted version stays, if there is one; `until` is the end of a policy's grace period, epoch milliseconds. */
    | { readonly kind: 'carry'; readonly until: number | undefined }
    | { readonly kind: 'nothing' }
}

/** A limit of clients that is reached. */
export interface FullLimit {
  /** Who has the limit: a tenant, or the namespace of a joined cluster. */
  readonly group: string
  readonly limit: number
}

export interface Breach {
  readonly policy: string
  /** Epoch milliseconds. */
  readonly since: number
}

/** @returns the version that servers may be told; undefined when this generation is refused */
export const configOf = ({ serve }: Pick<Judgement, 'serve'>): ClientConfig | undefined =>
  serve.kind === 'desired' ? serve.config : undefined

/** @returns the same as servers are told it */
export const versionOf = ({ serve }: Pick<Judgement, 'serve'>): ClientVersion | undefined =>
  serve.kind === 'desired' ? serve.version : undefined

/** @returns what policies forbid; the other violations are warnings */
export const denialsOf = ({ violations }: Pick<Judgement, 'violations'>): readonly Violation[] =>
  violations.filter(({ enforcement }) => enforcement === 'Deny')
