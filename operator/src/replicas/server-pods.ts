// Selects the pods whose agents are followed, with their addresses.
import { statusPortName } from '@nauthera/proto/names'
import type { PodObject } from '../kubernetes/objects.ts'

/** A pod whose agent is followed. */
export interface ServerPod {
  readonly name: string
  readonly uid: string
  /** Of the status port. */
  readonly host: string
  readonly port: number
}

export interface ServerPods {
  /** By name. */
  readonly asked: ReadonlyMap<string, ServerPod>
  /** Uids of the pods whose agent has ever started. */
  readonly started: ReadonlySet<string>
  /** When the last terminating pod will have ended, epoch milliseconds. Until then it answers on open connections and gets nothing new:
   *  the kubelet no longer updates its volumes. */
  readonly goingUntil: number | undefined
}

export const noServerPods: ServerPods = { asked: new Map(), started: new Set(), goingUntil: undefined }

/** A pod whose agent never started is not followed: it will mount what is written now.
 *  @param pods all present pods */
export function onPods(before: ServerPods, pods: Iterable<PodObject>): ServerPods {
  const asked = new Map<string, ServerPod>()
  const started = new Set<string>()
  const ends: number[] = []
  for (const pod of pods) {
    const { name, uid = '' } = pod.metadata
    if (!before.started.has(uid) && !hasStartedOnce(pod)) continue
    started.add(uid)
    const { deletionTimestamp } = pod.metadata
    if (deletionTimestamp !== undefined && !hasEnded(pod)) ends.push(Date.parse(deletionTimestamp))
    const host = pod.status?.podIP
    if (host && mayServe(pod)) asked.set(name, { name, uid, host, port: statusPortOf(pod) })
  }
  return { asked, started, goingUntil: ends.length === 0 ? undefined : Math.max(...ends) }
}

/** @returns whether both are the same pod at the same address */
export function isSamePod(one: ServerPod, other: ServerPod | undefined): boolean {
  return one.uid === other?.uid && one.host === other.host && one.port === other.port
}

/** Terminating and ended pods get no new connection. */
const mayServe = (pod: PodObject): boolean => pod.metadata.deletionTimestamp === undefined && !hasEnded(pod)

const hasEnded = ({ status }: PodObject): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** One that crashed counts. */
function hasStartedOnce(pod: PodObject): boolean {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  const agent = statuses.find((status) => status.name === agentContainer)
  return agent !== undefined && (agent.started === true || (agent.restartCount ?? 0) > 0)
}

const agentContainer = 'config-agent'
const defaultStatusPort = 9443

function statusPortOf(pod: PodObject): number {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  const ports = containers.filter(({ name }) => name === agentContainer).flatMap(({ ports }) => ports ?? [])
  return ports.find(({ name }) => name === statusPortName)?.containerPort ?? defaultStatusPort
}
