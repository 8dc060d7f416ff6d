// The same in a thread of its own. A new connection goes to a server that takes traffic, as through a Service.
import { connect } from 'node:net'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { startKeepAliveLoad } from './keep-alive-load.ts'
import type { KeepAliveAsked, KeepAliveReport } from './keep-alive-load.ts'

/** @returns `follow` takes the backends, ports on 127.0.0.1 that take new connections now; until then no client begins. `stop` ends every
 *  client after its request */
export function startKeepAliveClients(asked: KeepAliveAsked): {
  follow(backends: readonly number[]): void
  stop(): Promise<KeepAliveReport>
} {
  const worker = new Worker(new URL(import.meta.url), { workerData: asked })
  const report = new Promise<KeepAliveReport>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return {
    follow: (backends) => worker.postMessage(backends),
    stop: async () => {
      worker.postMessage('stop')
      return report
    },
  }
}

if (!isMainThread) await runClients(workerData as KeepAliveAsked)

async function runClients(asked: KeepAliveAsked): Promise<void> {
  let backends: readonly number[] = []
  let turn = 0
  const known = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  parentPort!.on('message', (message: readonly number[] | 'stop') => {
    if (message === 'stop') stopped.resolve()
    else backends = message
    known.resolve()
  })
  await known.promise
  const load = startKeepAliveLoad(asked, () =>
    connect({ host: '127.0.0.1', port: backends[turn++ % backends.length]! }),
  )
  await stopped.promise
  parentPort!.postMessage(await load.stop())
  parentPort!.close()
}
