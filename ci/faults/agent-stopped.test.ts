import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { createPod } from '@nauthera/harness/agent/agent'
import type { Pod } from '@nauthera/harness/agent/agent'
import { startConfigServer } from '@nauthera/harness/agent/config-server'
import { buildClient, buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'
import { createLink, dialStatus, mountLink } from '@nauthera/harness/agent/operator'
import { startAgentProcess } from '@nauthera/harness/agent/process'

describe('a config-agent that is stopped for 30 s', function () {
  this.timeout(60_000)
  let pod: Pod
  beforeEach(async () => {
    pod = await createPod()
  })
  afterEach(() => pod.remove())

  it('F13 F39 leaves the server with its last good clients, is noticed by the operator, and is in sync 3 s after it continues', async () => {
    const volume = createVolumeWriter(pod.settings.clientsDirectory)
    const clients = buildClients(40)
    const link = await createLink()
    await mountLink(pod, link.authority)
    await volume.swap(buildVolume(clients, { seq: 1n }).files)
    const agent = await startAgentProcess(pod)
    const server = await startConfigServer(pod.settings.config)
    pod.onStop(() => server.stop())
    await server.until('every shard', () => server.shards.size === 16)
    const { status } = await agent.untilTold('started')
    const operator = await dialStatus(Number(status), link.authority)
    await operator.until('live', (update) => update.live.length === 16)

    agent.signal('SIGSTOP')
    const stoppedAt = performance.now()
    // Keepalive: 10 s until the question, 5 s for the answer.
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error('the operator still took the silence for live after 20 s')),
        20_000,
      )
      operator.closed.addEventListener('abort', () => {
        clearTimeout(late)
        resolve()
      })
    })
    await volume.swap(buildVolume([...clients, buildClient('late')], { seq: 2n }).files)
    await sleep(30_000 - (performance.now() - stoppedAt))
    expect(server.clients()).to.have.length(40)
    agent.signal('SIGCONT')
    await server.until('in sync', () => server.clients().includes('late'), 3_000)
    const again = await dialStatus(Number(status), link.authority)
    await again.until('live again', (update) => update.live.some((ref) => ref.seq === 2n))
    await again.close()
    await operator.close()
  })
})
