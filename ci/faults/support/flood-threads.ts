// Floods in threads of their own, so that both processors of a small machine work: each has a server and a database, and asks it itself.
import { once } from 'node:events'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { Browser, authorizationUrl, send } from '@nauthera/harness/browser'
import type { ServerReplicas } from '@nauthera/harness/server'
import { countRows, flood, floodedReplicas, pushed, unauthenticated } from '../../../server/test/oidc/flood.ts'

export interface Flooded {
  readonly milliseconds: number
  /** Rows of every table. */
  readonly before: Readonly<Record<string, number>>
  readonly after: Readonly<Record<string, number>>
  /** Whether a person could sign in after it, by a pushed request of the public client that was flooded too. */
  readonly signsIn: boolean
}

export interface FloodThreads {
  /** Sends so many requests of one kind as soon as a thread is free. @param kind a key of `unauthenticated` */
  flood(kind: string, count: number): Promise<Flooded>
  stop(): Promise<void>
}

interface Task {
  readonly kind: string
  readonly count: number
}

type Answer = { readonly flooded: Flooded } | { readonly failed: string }

const threads = 2
const atOnce = 16

export async function startFloodThreads(): Promise<FloodThreads> {
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url)))
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const free = [...workers]
  const waiting: ((worker: Worker) => void)[] = []
  const giveBack = (worker: Worker) => {
    const next = waiting.shift()
    if (next) next(worker)
    else free.push(worker)
  }
  return {
    async flood(kind, count) {
      const worker = free.pop() ?? (await new Promise<Worker>((resolve) => waiting.push(resolve)))
      try {
        worker.postMessage({ kind, count } satisfies Task)
        const [answer] = (await once(worker, 'message')) as [Answer]
        if ('failed' in answer) throw new Error(answer.failed)
        return answer.flooded
      } finally {
        giveBack(worker)
      }
    },
    async stop() {
      const ended = workers.map((worker) => once(worker, 'exit'))
      for (const worker of workers) worker.postMessage('stop')
      await Promise.all(ended)
    },
  }
}

async function floodOnce(replicas: ServerReplicas, { kind, count }: Task): Promise<Flooded> {
  const before = await countRows(replicas)
  const begun = performance.now()
  await flood(unauthenticated[kind]!, replicas, { count, atOnce })
  const milliseconds = performance.now() - begun
  return { milliseconds, before, after: await countRows(replicas), signsIn: await signsIn(replicas) }
}

async function signsIn(replicas: ServerReplicas): Promise<boolean> {
  const { status, json } = await send(replicas, pushed('after-it'))
  if (status !== 201) return false
  const asked = { client_id: 'app.spa', request_uri: String(json()['request_uri']) }
  const back = await new Browser(replicas).authorize(authorizationUrl(replicas.issuer, asked), 'ada')
  return back.searchParams.get('code')?.startsWith('nr_') === true
}

if (!isMainThread) {
  const port = parentPort!
  const replicas = await floodedReplicas()
  port.on('message', (task: Task | 'stop') => {
    if (task === 'stop') void replicas.stop().finally(() => port.close())
    else
      floodOnce(replicas, task).then(
        (flooded) => port.postMessage({ flooded } satisfies Answer),
        (error: unknown) => {
          const failed = error instanceof Error ? (error.stack ?? error.message) : String(error)
          port.postMessage({ failed } satisfies Answer)
        },
      )
  })
  port.postMessage('ready')
}
