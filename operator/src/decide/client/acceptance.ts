// Whether the rules accept a client. accept-clients.ts decides it.
import type { Fault } from '@nauthera/runtime/coded-error'

/** Whether a client is accepted, before policies apply. `wanted` is the client id that its spec asks for; the one that servers have it
 *  under is in the judgement. conditions.ts has the messages. */
export type Acceptance =
  | { readonly kind: 'accepted'; readonly wanted: string }
  /** The spec breaks a rule; the version accepted before stays. */
  | { readonly kind: 'invalid'; readonly wanted: string; readonly faults: readonly Fault[] }
  /** The spec is too large: its rules are not evaluated, and the version accepted before stays. */
  | { readonly kind: 'too-large'; readonly wanted: string; readonly message: string }
  /** Another object holds the client id or the API identifier; the version accepted before stays. */
  | {
      readonly kind: 'conflict'
      readonly wanted: string
      readonly field: 'spec.clientId' | 'spec.resourceServer.identifier'
      /** `namespace/name` of the other one. */
      readonly holder: string
      /** Policies let this client have the name, so it is told who has it. */
      readonly mayClaim: boolean
      /** Of a client id that a client of another cluster has. */
      readonly move?: ConflictMove
    }

/** `declared`: the holder takes this very client's place. `possible`: this one may take the holder's. */
export type ConflictMove = 'declared' | 'possible'

/** What a person does who wants a client in another cluster. */
export const toMove = 'to move a client here with its id and consents, run kubectl nauthera cluster move in the hub'

/** The fault of a spec that makes the rules throw. */
export const unreadFault = (why: string): Fault => ({
  path: 'spec',
  message: `cannot be understood (${why}); write it again`,
})
