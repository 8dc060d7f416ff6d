// A replica in a thread of its own: what it reads of many clients holds up neither the API nor whoever asks it.
import { once } from 'node:events'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { startReplica } from '@nauthera/harness/operator/replica'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'

/** The thread has a store of its own, with a copy of the Secrets of the release, as a kubelet has it. */
const place = { name: 'server-0', release: 'nauthera', namespace: 'auth' }

/** A kubelet does not look at each change by itself. */
const lookMs = 20

interface Change {
  readonly secret: KubeObject
  readonly isGone: boolean
}

/** @returns ends it */
export async function startReplicaThread(api: KubeApi): Promise<() => Promise<void>> {
  const worker = new Worker(new URL(import.meta.url))
  const [pod] = (await once(worker, 'message')) as [KubeObject]
  const send = (secret: KubeObject, isGone: boolean) => worker.postMessage({ secret, isGone } satisfies Change)
  const stopFollowing = api.store.onChange(({ resource, object, type }) => {
    if (resource.plural === 'secrets' && object.metadata.namespace === place.namespace) send(object, type === 'DELETED')
  })
  for (const secret of api.store.all(api.resource('secrets'), place.namespace)) send(secret, false)
  api.set(pod)
  return async () => {
    stopFollowing()
    await worker.terminate()
  }
}

function copyChange(api: KubeApi, { secret, isGone }: Change): void {
  const { namespace, name, labels } = secret.metadata
  if (isGone) api.store.remove(api.resource('secrets'), namespace, name)
  else api.set({ ...secret, metadata: { ...(namespace ? { namespace } : {}), name, ...(labels ? { labels } : {}) } })
}

if (!isMainThread) {
  const api = await startKubeApi({ namespaces: [place.namespace] })
  const replica = await startReplica({ api, ...place, now: Date.now })
  let next: NodeJS.Timeout | undefined
  const look = () => {
    next = undefined
    replica.release()
    replica.hold()
  }
  replica.hold()
  parentPort!.on('message', (change: Change) => {
    copyChange(api, change)
    next ??= setTimeout(look, lookMs)
  })
  parentPort!.postMessage(api.store.get(api.resource('pods'), place.namespace, place.name))
}
