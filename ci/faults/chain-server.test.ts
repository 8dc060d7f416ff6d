import { expect } from 'chai'
import type { KubeObject } from '@nauthera/stand-in/objects'
import type { LocalPod } from '@nauthera/local/product/pod'
import { requestToken } from '@nauthera/local/product/token'
import { statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { watchStretch } from '@nauthera/local/processes/stretch'
import { namespace } from './support/chain-clients.ts'
import { startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { checkInvariants } from './support/invariants.ts'
import { startLoad } from './support/load.ts'
import type { Load } from './support/load.ts'
import { rotateMany } from './support/rotate-many.ts'
import { tell } from './support/tell.ts'

// What happens to a replica, its server and its config-agent, while the others serve.

/** Loops of the load: no more requests than that are in flight at once. */
const callers = 7

describe('three replicas under load, one in trouble', function () {
  this.timeout(60_000)
  let chain: Chain
  let load: Load

  before(async () => {
    chain = await startChain()
  })
  after(() => chain?.stop())
  beforeEach(async () => {
    load = await startLoad(chain, { edits: chain })
  })
  afterEach(async () => {
    await load.stop()
    await checkInvariants(chain, load)
  })

  /** Sends the signal to the server of a pod, and waits until that has ended. */
  const endServer = async (pod: LocalPod, signal: NodeJS.Signals) => {
    const { ended, lines } = pod.server
    const started = pod.server.line(/^INF starting /, { from: lines.length })
    pod.server.kill(signal)
    await ended
    return {
      /** Resolves when the kubelet has started it again and it is ready. */
      back: async () => {
        await started
        await pod.whenReady()
      },
    }
  }

  it('F30 rotates 100 secrets under load: no request fails', async () => {
    const from = performance.now()
    const report = await rotateMany(chain, 100)
    expect(report.rotations).to.equal(100)
    expect(report.failures).to.deep.equal([])
    expect(load.failures(from)).to.deep.equal([])
    tell('F30', { rotations: report.rotations, requests: report.requests, failed: 0, tookMs: performance.now() - from })
  })

  it('F19 a server that gets TERM ends with no failed request, and comes back', async () => {
    for (const pod of chain.stack.pods) {
      const from = performance.now()
      const out = chain.takeOut(pod)
      const server = await endServer(pod, 'SIGTERM')
      const endedMs = performance.now() - from
      await load.healed()
      await server.back()
      out.undo()
      expect(load.failures(from), pod.name).to.deep.equal([])
      tell('F19', { pod: pod.name, endedMs, readyMs: performance.now() - from, failed: 0 })
    }
  })

  it('F19 I7 killing a server fails only the requests that it is answering', async () => {
    const pod = chain.stack.pods[1]!
    const from = performance.now()
    const out = chain.takeOut(pod)
    const server = await endServer(pod, 'SIGKILL')
    const healMs = await load.healed()
    await server.back()
    out.undo()
    const failures = load.failures(from)
    expect(failures.length).to.be.at.most(callers)
    expect(failures.filter(({ status }) => status !== 0)).to.deep.equal([])
    tell('F19', { signal: 'KILL', healMs, readyMs: performance.now() - from, failed: failures.length })
  })

  it('F13 a stopped config-agent delays nobody else, and is in sync 3 s after it continues', async () => {
    const pod = chain.stack.pods[0]!
    const from = performance.now()
    pod.agent.kill('SIGSTOP')
    await chain.patch('machine', { spec: { displayName: 'while one agent stood still' } })
    const others = (object: KubeObject | undefined) => statusOf(object).replicas?.loaded === 2
    await waitForObject(chain.stack.api, 'oidcclients', { namespace, name: 'machine' }, others)
    const { now, ready } = chain.generations('machine')
    expect(ready, 'Ready though one replica is silent').to.not.equal(now)
    const stretch = watchStretch(process.pid)
    const continued = performance.now()
    pod.agent.kill('SIGCONT')
    await chain.ready('machine')
    const syncMs = performance.now() - continued
    expect(syncMs).to.be.below(3_000 * 3 * stretch())
    expect(load.failures(from).filter(({ flow }) => flow !== 'edit')).to.deep.equal([])
    tell('F13', { syncMs })
  })

  it('F13 I7 agent and server of one pod are killed together: it is in sync again, and no other pod is affected', async () => {
    const pod = chain.stack.pods[2]!
    const from = performance.now()
    const out = chain.takeOut(pod)
    pod.agent.kill('SIGKILL')
    const server = await endServer(pod, 'SIGKILL')
    const syncMs = await load.healed()
    await server.back()
    const readyMs = performance.now() - from
    const { status, body } = await requestToken(pod.port, chain.credentials('machine'))
    expect(status, body).to.equal(200)
    out.undo()
    const failures = load.failures(from)
    expect(failures.length).to.be.at.most(callers)
    expect(failures.filter(({ status: answered }) => answered !== 0)).to.deep.equal([])
    tell('F13', { syncMs, readyMs, failed: failures.length })
  })

  it('F16 while one replica gets a rotation late and another restarts, the old secret works and the new one is not published', async () => {
    const [early, restarting, late] = chain.stack.pods as [LocalPod, LocalPod, LocalPod]
    const from = performance.now()
    const minted = early.agent.line(/^INF diff .*client=demo\/machine fields=\S*verifiers/, {
      from: early.agent.lines.length,
    })
    const before = chain.secretId('machine')
    const old = chain.credentials('machine')
    late.clients.hold()
    await chain.rotate('machine')
    await minted
    const out = chain.takeOut(restarting)
    const server = await endServer(restarting, 'SIGTERM')
    expect(chain.secretId('machine'), 'published with one replica late').to.equal(before)
    await server.back()
    out.undo()
    expect(chain.secretId('machine'), 'published with one replica late').to.equal(before)
    const released = performance.now()
    late.clients.release()
    await chain.published('machine', before)
    const publishMs = performance.now() - released
    for (const pod of chain.stack.pods) {
      for (const credentials of [old, chain.credentials('machine')]) {
        const { status, body } = await requestToken(pod.port, credentials)
        expect(status, `${pod.name}: ${body}`).to.equal(200)
      }
    }
    expect(load.failures(from).filter(({ flow }) => flow !== 'edit')).to.deep.equal([])
    tell('F16', { publishMs, rotationMs: performance.now() - from })
  })
})
