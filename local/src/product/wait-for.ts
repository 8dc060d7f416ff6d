// Waits until an object of the API is as wanted.
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'

/** Resolves when the object is as wanted: at once, or after the change that makes it so.
 *  @param holds gets undefined while there is no such object
 *  @throws Error after `timeoutMs`, with the status as it is then */
export function waitForObject(
  api: KubeApi,
  plural: string,
  name: { namespace: string; name: string },
  holds: (object: KubeObject | undefined) => boolean,
  timeoutMs = 20_000,
): Promise<KubeObject | undefined> {
  const resource = api.resource(plural)
  const find = () => api.store.find(resource, name.namespace, name.name)
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      stopListening()
    }
    const check = () => {
      const object = find()
      if (!holds(object)) return
      settle()
      resolve(object)
    }
    const timer = setTimeout(() => {
      settle()
      const now = JSON.stringify(find()?.['status'] ?? find() ?? 'not there')
      reject(new Error(`${plural} ${name.namespace}/${name.name}: not as wanted after ${timeoutMs} ms: ${now}`))
    }, timeoutMs)
    const stopListening = api.store.onChange(check)
    check()
  })
}

interface Status {
  observedGeneration?: number
  revision?: string
  replicas?: { loaded?: number; total?: number }
  refusals?: { code: string; by: string; hint: string }[]
  conditions?: { type: string; status: string; reason?: string; message?: string }[]
}

export const statusOf = (object: KubeObject | undefined): Status => (object?.['status'] ?? {}) as Status

/** `Ready=True` for the present generation. */
export const isReady = (object: KubeObject | undefined): boolean =>
  object !== undefined &&
  statusOf(object).conditions?.find(({ type }) => type === 'Ready')?.status === 'True' &&
  statusOf(object).observedGeneration === object.metadata.generation
