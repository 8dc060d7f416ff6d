import http, { Agent } from 'node:http'
import { expect } from 'chai'
import { startKubeApi } from '../src/kube-api.ts'
import type { KubeApi } from '../src/kube-api.ts'
import { createKubeClient } from '../src/kube-client.ts'

describe(createKubeClient.name, () => {
  const { globalAgent } = http
  let api: KubeApi

  before(async () => {
    api = await startKubeApi()
    http.globalAgent = new Agent({ keepAlive: true, timeout: 10 })
  })
  after(async () => {
    http.globalAgent = globalAgent
    await api.stop()
  })

  it('waits for its answer while the process stands still longer than the agent of Node waits for a connection', async () => {
    const asked = createKubeClient(api.adminConfig).call('GET', '/api/v1/namespaces')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    expect((await asked).status).to.equal(200)
  })
})
