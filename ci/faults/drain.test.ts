import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { expect } from 'chai'
import { startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { startKeepAliveClients } from './support/keep-alive-clients.ts'
import { failuresByKind } from './support/keep-alive-load.ts'
import { tell } from './support/tell.ts'

// Clients that keep their connections. One rolling restart by default, while other tests use the processors too; ten of them, with
// processors that are taken: ROLLING_RESTARTS=10 npm test -- ci/faults/drain.test.ts

/** Each restarts all three replicas, one after the other. */
const rollingRestarts = Number(process.env['ROLLING_RESTARTS'] ?? 1)

describe('500 clients that keep their connections', function () {
  this.timeout(60_000 + rollingRestarts * 120_000)
  let chain: Chain
  let burners: readonly ChildProcess[] = []

  before(async () => {
    chain = await startChain({ serverSettings: { drainTimeout: '20s' } })
  })
  after(async () => {
    for (const burner of burners) burner.kill('SIGKILL')
    await chain?.stop()
  })

  it('F19 a rolling restart fails no request, on open connections and on new ones', async () => {
    const { clientId, clientSecret } = chain.credentials('machine')
    const clients = startKeepAliveClients({
      clients: 500,
      thinkMs: 4_000,
      host: new URL(chain.stack.issuer).host,
      tokenBody: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
      }).toString(),
    })
    const { pods } = chain.stack
    const follow = (ending?: (typeof pods)[number]) =>
      clients.follow(pods.filter((pod) => pod !== ending).map(({ port }) => port))
    follow()
    const spin = () => spawn(process.execPath, ['-e', 'for (;;) Math.random()'], { stdio: 'ignore' })
    if (rollingRestarts > 1) burners = [spin(), spin()]
    const from = performance.now()
    for (let times = 0; times < rollingRestarts; times++) {
      for (const pod of pods) {
        const { ended, lines } = pod.server
        const started = pod.server.line(/^INF starting /, { from: lines.length, timeoutMs: 60_000 })
        follow(pod)
        pod.server.kill('SIGTERM')
        await ended
        await started
        await pod.whenReady()
        follow()
      }
    }
    const tookMs = performance.now() - from
    const { requests, connections, failures } = await clients.stop()
    tell('F19', { rollingRestarts, requests, connections, ...failuresByKind(failures), tookMs })
    expect(failures).to.deep.equal([])
    expect(requests).to.be.greaterThan(500)
  })
})
