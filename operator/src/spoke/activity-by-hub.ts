// Whether replicas of the hub serve a client, by what the hub says of its mirror.
import { findCondition } from '../api/conditions.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { restraintOf } from '../decide/client/restraint.ts'
import type { Activity } from '../decide/status/outcome.ts'
import { hubName } from './hub-state.ts'
import type { Mirror } from './mirror.ts'

/** @param isRestrained the mirror says what stops the client today. Until the hub has said so of that mirror, replicas there may serve it */
export function activityByHub(client: OIDCClient, mirror: Mirror | undefined, isRestrained: boolean): Activity {
  const { status, metadata } = mirror ?? {}
  const said = findCondition(status, 'Active')
  const isSaid = mirror === undefined || (isRestrained && (status?.observedGeneration ?? 0) >= metadata!.generation)
  if (restraintOf(client.spec)?.suspended)
    return {
      kind: 'suspended',
      behind: isSaid && said?.status !== 'True' && said?.status !== 'Unknown' ? [] : [hubName],
    }
  if (said?.status === 'True') return { kind: 'active', behind: [] }
  if (said?.status === 'Unknown') return { kind: 'not-served', behind: [hubName] }
  return { kind: said?.reason === 'Suspended' ? 'suspended-before' : 'not-served', behind: [] }
}
