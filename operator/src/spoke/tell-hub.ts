// Tells the hub who we are: the keys of this cluster's ServiceAccounts and the version of this operator, in one ConfigMap there.
import { spokeName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { isConflict } from '../kubernetes/api-error.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import type { ClusterIssuer } from '../kubernetes/issuer.ts'
import { objectPath, resourceTypes } from '../kubernetes/objects.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import type { HubState } from './hub-state.ts'

/** The pause between two looks at our keys; shorter after a failure. Milliseconds. */
const lookMs = 60_000
const failedMs = 3_000

interface ConfigMap extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>
}

interface TellNeeds {
  readonly hub: Pick<KubeConnection, 'call'>
  readonly namespace: string
  readonly version: string
  /** Issuer and keys of this cluster. @throws while they cannot be read */
  readonly readIssuer: () => Promise<ClusterIssuer>
  readonly state: Pick<HubState, 'mayWrite'>
  readonly clock: Clock
  readonly log: Log
}

/** Tells it again while it changes, or while the hub has not taken it. */
export const createTellHub = (needs: TellNeeds): Loop =>
  new Loop({
    clock: needs.clock,
    round: async () => {
      const isTold = await tell(needs).catch((error: unknown) => {
        if (!isConflict(error)) needs.log.warn({ error }, 'keys of ServiceAccounts not told to the hub')
        return false
      })
      return isTold ? lookMs : failedMs
    },
  })

/** @returns whether the hub has it all. @throws ApiError */
async function tell({ hub, namespace, version, state, log, readIssuer }: TellNeeds): Promise<boolean> {
  if (!state.mayWrite) return false
  // the version is told even where the keys may not be read
  const own = await readIssuer().catch((error: unknown) => log.warn({ error }, 'keys of ServiceAccounts not read'))
  const path = objectPath(resourceTypes.configMaps, { namespace, name: spokeName })
  const found = await hub.call<ConfigMap>({ method: 'GET', path })
  const keys = own ? { issuer: own.issuer, jwks: JSON.stringify({ keys: own.keys }) } : {}
  const data: Readonly<Record<string, string>> = { ...found.data, ...keys, operatorVersion: version }
  if (Object.entries(data).every(([key, value]) => found.data?.[key] === value)) return true
  await hub.call({ method: 'PUT', path, body: { ...found, data } })
  log.info({ issuer: own?.issuer, keys: own?.keys.length }, 'keys of ServiceAccounts told to the hub')
  return own !== undefined
}
