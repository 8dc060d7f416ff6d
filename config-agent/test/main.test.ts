import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { createPod } from '@nauthera/harness/agent/agent'
import type { Pod } from '@nauthera/harness/agent/agent'
import { startConfigServer } from '@nauthera/harness/agent/config-server'
import { buildClient, buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'
import type { VolumeWriter } from '@nauthera/stand-in/atomic-writer'
import { createLink, dialStatus, mountLink } from '@nauthera/harness/agent/operator'
import { startAgentProcess } from '@nauthera/harness/agent/process'

describe('the config-agent as a process', () => {
  let pod: Pod
  let volume: VolumeWriter
  beforeEach(async () => {
    pod = await createPod()
    volume = createVolumeWriter(pod.settings.clientsDirectory)
  })
  afterEach(() => pod.remove())

  const startServer = async () => {
    const server = await startConfigServer(pod.settings.config)
    pod.onStop(() => server.stop())
    return server
  }
  const clients = buildClients(40)
  const first = buildVolume(clients, { seq: 1n })

  it('is ready once it is started, whether or not anything is mounted, and ends within 2 s when told to', async () => {
    const link = await createLink()
    await mountLink(pod, link.authority)
    const agent = await startAgentProcess(pod)
    const { management } = await agent.untilTold('starting')
    const { status } = await agent.untilTold('started')
    const server = await startServer()
    await server.until('a stream', () => server.streams === 1)
    const operator = await dialStatus(Number(status), link.authority)
    await operator.until('an update', (update) => update.serverConnected)
    const answer = await fetch(`http://127.0.0.1:${management}/readyz`)
    expect(answer.status).to.equal(200)
    const metrics = await (await fetch(`http://127.0.0.1:${management}/metrics`)).text()
    for (const name of [
      'nauthera_agent_shard_seq',
      'nauthera_agent_apply_seconds',
      'nauthera_agent_last_applied_timestamp_seconds',
      'nauthera_agent_rejected_clients',
    ]) {
      expect(metrics).to.contain(`# TYPE ${name} `)
    }
    // names of clients are labels only where the settings ask for them
    expect(metrics).not.to.contain('nauthera_client_secret_last_used_timestamp_seconds')
    // 1 where its parts have not stopped in time
    expect(await agent.kill('SIGTERM')).to.deep.equal([0, null])
    await operator.close()
  })

  it('lists every wrong setting at once and exits with 2', async () => {
    const wrong = { ...pod.settings, release: '', status: { host: '', port: 99_999 }, extra: 1 }
    const agent = await startAgentProcess({ ...pod, settings: wrong as never })
    expect((await agent.exited)[0]).to.equal(2)
    for (const path of ['release', 'status.host', 'status.port', 'extra'])
      expect(agent.errors()).to.contain(`${path}: `)
  })

  it('F13 killed and started again, it is in sync again', async () => {
    await volume.swap(first.files)
    const agent = await startAgentProcess(pod)
    const server = await startServer()
    await server.until('every shard', () => server.shards.size === 16)
    // HTTP/2 of Node may keep the connection of a peer that dies between a write and its answer
    await agent.untilTold('held back')
    await agent.kill('SIGKILL')
    await volume.swap(buildVolume([...clients, buildClient('late')], { seq: 2n }).files)
    const again = await startAgentProcess(pod)
    await again.untilTold('started')
    await server.until('in sync', () => server.clients().includes('late'))
    await again.untilTold('held back')
  })

  it('F15 without inotify, each of three changes is found by a look every two seconds, and the loss is told once', async () => {
    // A user namespace has limits of its own; where the kernel gives none, the call fails as it would at the limit.
    const hasNamespaces = spawnSync('unshare', ['-r', 'true']).status === 0
    const failing = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';
      fs.watch = () => { throw Object.assign(new Error('EMFILE: too many open files, watch'), { code: 'EMFILE' }) };
      syncBuiltinESMExports()`
    await volume.swap(first.files)
    const agent = await startAgentProcess(
      pod,
      hasNamespaces
        ? { wrap: ['unshare', '-r', 'sh', '-c', 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', 'sh'] }
        : { nodeOptions: ['--import', `data:text/javascript,${encodeURIComponent(failing)}`] },
    )
    const server = await startServer()
    await server.until('every shard', () => server.shards.size === 16)
    await agent.untilTold('watch degraded')
    for (const seq of [2n, 3n, 4n]) {
      const before = agent.lines.length
      await volume.swap(buildVolume([...clients, buildClient(`late-${seq}`)], { seq }).files)
      await server.until(`change ${seq}`, () => server.clients().includes(`late-${seq}`))
      // the server may have the change before we have read the line
      await agent.untilTold('snapshot', (line) => agent.lines.indexOf(line) >= before)
    }
    expect(agent.lines.filter((line) => line.msg === 'watch degraded')).to.have.length(1)
    const triggers = agent.lines.filter((line) => line.msg === 'snapshot').map((line) => line['trigger'])
    expect(triggers.slice(-3)).to.deep.equal(['poll', 'poll', 'poll'])
  })
})
