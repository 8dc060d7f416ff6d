import { readFileSync, readdirSync } from 'node:fs'
import type { Json } from '@nauthera/stand-in/kube-client'
import { get, kubectl, whenObject } from './kubernetes.ts'

/** A Docker configuration with the registry's password, for clusters that pull the images of the run. */
export const pullConfig = process.env['NAUTHERA_E2E_PULL_CONFIG']
export const pullSecretName = 'pull'

/** What Pod Security `restricted` wants, on a pod and on each of its containers. */
export const restrictedPod = {
  ...(pullConfig === undefined ? {} : { imagePullSecrets: [{ name: pullSecretName }] }),
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  },
} as const
export const restrictedContainer = {
  imagePullPolicy: 'IfNotPresent',
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
} as const

/** @returns pods of a component of a release that are not going, oldest first */
export async function podsOf(namespace: string, release: string, component: string): Promise<Json[]> {
  const labelSelector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=${component}`
  const { items } = await get(`/api/v1/namespaces/${namespace}/pods`, { labelSelector })
  return (items as Json[])
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
}

export const isReady = (object: Json): boolean =>
  object?.status?.conditions?.some((one: Json) => one.type === 'Ready' && one.status === 'True') === true

const containersOf = (pod: Json): Json[] => [
  ...(pod.status.initContainerStatuses ?? []),
  ...(pod.status.containerStatuses ?? []),
]

export const restartsOf = (pod: Json, container: string): number =>
  containersOf(pod).find(({ name }) => name === container)?.restartCount ?? 0

/** Of a container that has ended for good. */
export const exitCodeOf = (pod: Json, container: string): number | undefined =>
  pod && containersOf(pod).find(({ name }) => name === container)?.state?.terminated?.exitCode

/** Only a cluster that was started on this machine lets a test reach into its containers. */
export const canKill = process.env['NAUTHERA_E2E_CLUSTER'] !== 'existing'

/** Whether a process is the first of its container, as the kernel counts there. */
function isFirst(pid: number): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** @returns the processes of a container on this machine */
export function processesOf(pod: Json, container: string): number[] {
  const found = containersOf(pod).find((one) => one.name === container)
  const id = String(found?.containerID).replace(/^.*:\/\//, '')
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id)
      } catch {
        return false
      }
    })
}

/** SIGKILL for the first process of a container: nothing inside a container may send that.
 *  @returns `back`: resolves with the pod when the kubelet has started the container again and the pod is ready
 *  @throws Error when the container runs on another machine */
export async function killContainer(pod: Json, container: string): Promise<{ back(timeoutMs: number): Promise<Json> }> {
  const { namespace, name } = pod.metadata as { namespace: string; name: string }
  const pids = processesOf(pod, container)
  if (pids.length === 0) throw new Error(`${name}: no process of container ${container} on this machine`)
  const before = restartsOf(pod, container)
  // not the lowest number: numbers begin again, and a probe that runs just now may have a lower one
  process.kill(pids.find(isFirst) ?? Math.min(...pids), 'SIGKILL')
  return {
    back: (timeoutMs) =>
      whenObject(
        `/api/v1/namespaces/${namespace}/pods`,
        name,
        (now) => now !== undefined && restartsOf(now, container) > before && isReady(now),
        timeoutMs,
      ),
  }
}

/** Lines of the agent beside each server, from `since` on. */
export async function agentLines(pods: readonly Json[], since: Date): Promise<string[]> {
  const all = await Promise.all(
    pods.map(({ metadata: { namespace, name } }) =>
      kubectl('-n', namespace, 'logs', name, '-c', 'config-agent', `--since-time=${since.toISOString()}`),
    ),
  )
  return all.flatMap((text) => text.split('\n')).filter((line) => line !== '')
}
