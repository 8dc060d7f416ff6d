import { expect } from 'chai'
import { startKubeApi } from '../src/kube-api.ts'
import type { KubeApi } from '../src/kube-api.ts'
import { createKubeClient } from '../src/kube-client.ts'
import type { KubeClient } from '../src/kube-client.ts'

// What fault tests script: each fault is shown to be what it says, so that a test that relies on it cannot pass by accident.

describe('faults of the stand-in', () => {
  const secrets = '/api/v1/namespaces/default/secrets'
  const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } })
  let api: KubeApi
  let client: KubeClient

  beforeEach(async () => {
    api = await startKubeApi()
    client = createKubeClient(api.adminConfig)
  })
  afterEach(() => api.stop())

  const stored = () => api.store.all(api.resource('secrets')).map(({ metadata }) => metadata.name)
  const creation = (request: { verb: string }) => request.verb === 'create'

  it('refuse a number of requests with status, reason and Retry-After, and do nothing', async () => {
    api.faults.add({ when: creation, effect: { kind: 'refuse', code: 429, retryAfterSeconds: 3 }, times: 1, after: 1 })
    const answers = []
    for (const name of ['a', 'b', 'c']) answers.push(await client.call('POST', secrets, { body: secret(name) }))
    expect(answers.map(({ status }) => status)).to.deep.equal([201, 429, 201])
    expect(answers[1]!.headers['retry-after']).to.equal('3')
    expect(answers[1]!.body).to.include({ kind: 'Status', reason: 'TooManyRequests' })
    expect(stored()).to.deep.equal(['a', 'c'])
  })

  const failure = (promise: Promise<unknown>): Promise<string | undefined> =>
    promise.then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )

  it('reset the connection before anything is done', async () => {
    api.faults.add({ when: creation, effect: { kind: 'reset' } })
    expect(await failure(client.call('POST', secrets, { body: secret('a') }))).to.equal('ECONNRESET')
    expect(stored()).to.deep.equal([])
  })

  it('lose the answer after everything is done', async () => {
    api.faults.add({ when: creation, effect: { kind: 'lose-answer' } })
    expect(await failure(client.call('POST', secrets, { body: secret('a') }))).to.equal('ECONNRESET')
    expect(stored()).to.deep.equal(['a'])
  })

  it('answer with another body, such as an empty list', async () => {
    await client.call('POST', secrets, { body: secret('a') })
    const body = { kind: 'SecretList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [] }
    const heal = api.faults.add({ when: ({ verb }) => verb === 'list', effect: { kind: 'answer', body } })
    expect((await client.call('GET', secrets)).body.items).to.have.length(0)
    heal()
    expect((await client.call('GET', secrets)).body.items).to.have.length(1)
  })

  it('leave a request without an answer', async () => {
    api.faults.add({ when: creation, effect: { kind: 'silence' } })
    let outcome = 'waiting'
    const answer = client.call('POST', secrets, { body: secret('a') }).then(
      () => (outcome = 'answered'),
      () => (outcome = 'cut'),
    )
    for (let asked = 0; !api.requests.some(creation) || asked < 5; asked++) await client.call('GET', secrets)
    expect(outcome).to.equal('waiting')
    await api.stop()
    expect(await answer).to.equal('cut')
    expect(stored()).to.deep.equal([])
    api = await startKubeApi()
  })

  it('drop the history: an old watch and the next page of an old list get 410', async () => {
    for (const name of ['a', 'b', 'c']) await client.call('POST', secrets, { body: secret(name) })
    const page = await client.call('GET', secrets, { query: { limit: 2 } })
    await client.call('POST', secrets, { body: secret('d') })
    api.store.compact()
    const next = await client.call('GET', secrets, { query: { limit: 2, continue: page.body.metadata.continue } })
    expect(next.body).to.include({ code: 410, reason: 'Expired' })
    const watch = await client.watch(secrets, { resourceVersion: page.body.metadata.resourceVersion })
    expect((await watch.next())?.object).to.include({ code: 410, reason: 'Expired' })
  })

  it('break an open watch', async () => {
    const open = async () => {
      const watch = await client.watch(secrets, { resourceVersion: api.store.version })
      return { watch, handle: [...api.watches].at(-1)! }
    }
    const expiring = await open()
    expiring.handle.expire()
    expect((await expiring.watch.next())?.object).to.include({ code: 410 })
    const ending = await open()
    ending.handle.end()
    expect(await ending.watch.next()).to.equal(undefined)
    const muted = await open()
    muted.handle.mute()
    await client.call('POST', secrets, { body: secret('unheard') })
    muted.handle.end()
    expect(await muted.watch.next()).to.equal(undefined)
  })

  it('appear in the list of requests with question and status', async () => {
    await client.call('GET', `${secrets}/none`)
    const [request] = api.requests.slice(-1)
    expect(request).to.include({ verb: 'get', namespace: 'default', name: 'none', user: 'admin', code: 404 })
    expect(request?.resource?.plural).to.equal('secrets')
  })
})
