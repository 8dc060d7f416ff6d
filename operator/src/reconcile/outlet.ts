// The port between a look at a client and the place where it is served: the replicas of this cluster, or the hub that it has joined.
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import type { SharedList } from '../decide/client/follow-routes.ts'
import type { Outcome } from '../decide/status/outcome.ts'
import type { ResolvedRedirects } from '../intake/resolve-redirects.ts'
import type { SecretOutlet } from '../secret/outlet.ts'
import type { LookFindings } from '../status/look-outcome.ts'

type JudgedClient =
  | {
      readonly kind: 'judged'
      readonly judgement: Judgement
      /** Where redirect URIs that follow routes stand in one list with its own. */
      readonly list?: SharedList | undefined
    }
  /** Nothing can be decided yet: the client gets this status and nothing else. */
  | { readonly kind: 'waits'; readonly status: OIDCClientStatus }

/** In the order in which a look asks. Keys are `namespace/name`. */
export interface ClientOutlet {
  /** @param client with the status that was applied last; its spec may have any shape */
  judge(key: string, client: OIDCClient, log: Log): JudgedClient
  /** What the client may do. @param judgement with all redirect URIs */
  grant(key: string, judgement: Judgement, redirects: ResolvedRedirects): Pick<LookFindings, 'granted' | 'access'>
  /** Where its verifiers go, and what comes back. */
  readonly secret: SecretOutlet
  /** What is seen of the client after the steps of its secret. From then on what changes there leads to another look. */
  observe(findings: LookFindings): Outcome
  /** Its status is written. @returns after each of these it may have to say something else, without an event that would say so; milliseconds */
  written(key: string, outcome: Outcome): readonly (number | undefined)[]
  /** The client is gone, or another object has its name: it ends there. */
  remove(key: string): void
}
