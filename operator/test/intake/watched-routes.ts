// A real watch of Ingresses, over an API in memory, on a clock that a test moves.
import { quietLog } from '@nauthera/harness/kept-log'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { FollowedRedirects } from '../../src/decide/client/follow-routes.ts'
import { createRouteWatch } from '../../src/intake/watch-routes.ts'
import { collectionPath, keyOf, resourceTypes } from '../../src/kubernetes/objects.ts'
import type { KubernetesObject } from '../../src/kubernetes/objects.ts'
import { createReflector } from '../../src/kubernetes/reflector.ts'
import { binding, client } from '../decide/clients.ts'

/** Ingresses as an API server has them. It is idle once a watch has taken everything. */
class IngressApi {
  readonly objects = new Map<string, KubernetesObject>()
  #version = 1
  readonly #events: unknown[] = []
  #wake = () => {}
  #onIdle = () => {}

  put(object: KubernetesObject): void {
    const key = keyOf(object)
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) }
    const type = this.objects.has(key) ? 'MODIFIED' : 'ADDED'
    this.objects.set(key, { ...object, metadata })
    this.#send({ type, object: { ...object, metadata } })
  }

  remove(key: string): void {
    const object = this.objects.get(key)
    if (object && this.objects.delete(key)) this.#send({ type: 'DELETED', object })
  }

  list() {
    this.#events.length = 0
    return { metadata: { resourceVersion: String(++this.#version) }, items: [...this.objects.values()] }
  }

  async *watch(signal: AbortSignal): AsyncGenerator<unknown> {
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    while (!signal.aborted) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) yield event
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      this.#onIdle()
      await woken
    }
    throw new Error('the watch was ended')
  }

  /** @param act after which a watch has everything again */
  async idleAfter(act: () => void): Promise<void> {
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
    act()
    await idle
  }

  #send(event: unknown): void {
    this.#events.push(event)
    this.#wake()
  }
}

const fullListMs = 600_000

/** A watch of Ingresses, and a client `web` of each namespace that follows those of some names. HTTPRoutes and Gateways are not served.
 *  @param names of Ingresses */
export async function startWatchedRoutes(names: readonly string[]) {
  const clock = createManualClock()
  const api = new IngressApi()
  const told = new Set<string>()
  const policies = binding({ allow: { redirectHosts: ['.example.com'] } })
  const sources = names.map((name) => ({ kind: 'Ingress', name, path: '/callback' }) as const)
  const ingresses = collectionPath(resourceTypes.ingresses)
  const routes = createRouteWatch({
    reflect: (path, part) => {
      const isWatched = path === ingresses
      const connection = {
        call: async () => (isWatched ? api.list() : { metadata: { resourceVersion: '1' }, items: [] }) as never,
        watch: ({ signal }: { signal: AbortSignal }) => (isWatched ? api.watch(signal) : silence(signal)),
      }
      return createReflector({ connection, clock, random: () => 0.5, log: quietLog, path, ...part })
    },
    labels: () => ({}),
    tell: (keys) => keys.forEach((key) => told.add(key)),
  })
  await api.idleAfter(() => void routes.start())
  return {
    told,
    stop: () => routes.stop(),
    put: (object: KubernetesObject) => api.idleAfter(() => api.put(object)),
    remove: async (key: string) => {
      if (api.objects.has(key)) await api.idleAfter(() => api.remove(key))
    },
    /** The next full list is due. */
    list: () => api.idleAfter(() => clock.advance(fullListMs)),
    look: (namespace: string): FollowedRedirects =>
      routes.book.resolve(client({}, { namespace, name: 'web' }), { sources, policies, now: clock.now() }),
  }
}

async function* silence(signal: AbortSignal): AsyncGenerator<unknown> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  yield* []
  throw new Error('the watch was ended')
}
