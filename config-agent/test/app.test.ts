import { expect } from 'chai'
import { createPod } from './support/agent.ts'
import type { Pod } from './support/agent.ts'
import { startConfigServer } from './support/config-server.ts'
import { makeClient, makeClients, makeVolume } from './support/make-shards.ts'
import { createMountedVolume } from './support/mounted-volume.ts'

describe('startAgent', () => {
  let pod: Pod
  beforeEach(async () => {
    pod = await createPod()
  })
  afterEach(() => pod.remove())

  const startServer = async (more: Partial<Parameters<typeof startConfigServer>[0]> = {}) => {
    const server = await startConfigServer({ ...pod.settings.config, ...more })
    pod.onStop(() => server.stop())
    return server
  }

  it('brings every mounted client to the server, and after it each change', async () => {
    const volume = createMountedVolume(pod.settings.clientsDirectory)
    const clients = makeClients(40)
    await volume.swap(makeVolume(clients).files)
    await pod.startAgent()
    const server = await startServer()
    await server.until('40 clients', () => server.clients().length === 40)

    await volume.swap(makeVolume([...clients, makeClient('late')], { seq: 2n, change: 'a1b2' }).files)
    await server.until('one more', () => server.clients().includes('late'))
    expect((await pod.untilTold('diff', (line) => line['client'] === 'apps/late'))['change']).to.equal('a1b2')
    await pod.untilTold('live', (line) => line['change'] === 'a1b2')
  })
})
