// Outcome of a reconcile -> conditions, columns and events. Nothing else maps a code to a reason.
import type { Fault } from '@nauthera/runtime/coded-error'
import type { OIDCClient, OIDCClientStatus } from '../api/oidc-client.ts'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Acceptance } from './acceptance.ts'
import type { Violation } from './policy.ts'
import type { Propagation } from './propagation.ts'
import type { RotationPlan } from './rotation.ts'

export interface Outcome {
  readonly client: OIDCClient
  /** `<namespace>/<release>`. */
  readonly servedBy: string
  readonly issuer: string
  readonly acceptance: Acceptance
  readonly policies: readonly string[]
  readonly violations: readonly Violation[]
  /** Rendered from this generation; undefined when refused. */
  readonly config: ClientConfig | undefined
  readonly secret:
    | { readonly kind: 'ready'; readonly name: string }
    | { readonly kind: 'public'; readonly name: string }
    | { readonly kind: 'pending'; readonly name: string }
    | { readonly kind: 'waiting-for-secret'; readonly name: string; readonly message: string }
    | { readonly kind: 'name-taken'; readonly name: string }
    | { readonly kind: 'template-invalid'; readonly name: string; readonly faults: readonly Fault[] }
    | { readonly kind: 'unreadable'; readonly name: string; readonly message: string }
  readonly rotation: RotationPlan | undefined
  /** Of the shard that carries this generation; undefined while it is not written (or does not fit: `shardFull`). */
  readonly propagation: Propagation | undefined
  readonly shardFull: boolean
  /** First 8 hex of the manifest's digest. */
  readonly revision: string | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

export interface ClientEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason:
    | 'ClientAccepted'
    | 'SecretCreated'
    | 'SecretRotated'
    | 'PreviousSecretRetired'
    | 'InvalidSpec'
    | 'ClientIDConflict'
    | 'ServerRejected'
    | 'PolicyViolation'
  readonly message: string
}

/** @returns the whole status to apply, and the events of what has changed since `client.status`. */
export declare function describeOutcome(outcome: Outcome): { readonly status: OIDCClientStatus; readonly events: readonly ClientEvent[] }
