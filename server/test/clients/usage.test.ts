import { expect } from 'chai'
import { createUsage } from '../../src/clients/usage.ts'
import { applyAll, entryOf, namesIn, shardInput, verifierOf } from './shards.ts'

const safe = { isProtected: true, leftOut: [], isSecretTwice: undefined }
const bare = { isProtected: false, leftOut: [], isSecretTwice: undefined }
const [key] = namesIn(3, 1) as [string]
const loaded = async (secrets: string[]) => {
  const { registry } = await applyAll([shardInput(3, 1n, [entryOf(key, { secrets })])])
  return { registry, client: registry.find(key.replace('/', '.'))! }
}

describe(createUsage.name, () => {
  it('tells each stream what changed since it was told last, the newest use only', async () => {
    let now = 1000
    const usage = createUsage({ now: () => now })
    const { client } = await loaded(['a', 'b'])
    const [a, b] = [verifierOf('a').id, verifierOf('b').id]
    usage.record(client, a)
    const first = usage.since(0)
    expect(first.uses.map(({ secretId, lastUsed }) => [secretId, lastUsed])).to.deep.equal([[a, 1000]])
    expect(usage.since(first.cursor).uses).to.deep.equal([])
    now = 2000
    usage.record(client, b)
    usage.record(client, b)
    expect(usage.since(first.cursor).uses.map(({ secretId, lastUsed }) => [secretId, lastUsed])).to.deep.equal([
      [b, 2000],
    ])
    expect(usage.since(0).uses).to.have.length(2)
  })

  it('P9 says for how long it has counted, by the steady clock', () => {
    let steady = 5_000
    const usage = createUsage({ now: () => 0, monotonic: () => steady })
    steady = 12_000
    expect(usage.since(0).coversMs).to.equal(7_000)
  })

  it('tells how codes were protected, each kind once an hour, until the client is gone', async () => {
    let now = 1000
    const usage = createUsage({ now: () => now })
    const { client } = await loaded(['a'])
    usage.recordTokenRequest(client, bare)
    const first = usage.since(0)
    const { namespace, name, clientId } = client
    expect(first.codes).to.deep.equal([{ namespace, name, clientId, unprotectedAt: 1000, wholeAt: 1000, leftOut: {} }])
    now += 3_599_000
    usage.recordTokenRequest(client, bare)
    expect(usage.since(first.cursor).codes, 'no news within the hour').to.deep.equal([])
    usage.recordTokenRequest(client, safe)
    now += 1_000
    usage.recordTokenRequest(client, bare)
    expect(usage.since(first.cursor).codes.map((use) => [use.protectedAt, use.unprotectedAt])).to.deep.equal([
      [3_600_000, 3_601_000],
    ])
    usage.removeAllBut((await applyAll([])).registry)
    expect(usage.since(0).codes).to.deep.equal([])
  })

  it('tells which scopes were left out of codes, each once an hour, and when a code was whole', async () => {
    let now = 1000
    const usage = createUsage({ now: () => now })
    const { client } = await loaded(['a'])
    const without = (...leftOut: string[]) =>
      usage.recordTokenRequest(client, { isProtected: undefined, leftOut, isSecretTwice: undefined })
    const told = () => usage.since(0).codes.map(({ wholeAt, leftOut }) => ({ wholeAt, leftOut }))
    without('groups')
    const { cursor } = usage.since(0)
    now += 3_599_000
    without('groups')
    expect(usage.since(cursor).codes, 'no news within the hour').to.deep.equal([])
    without('groups', 'phone')
    expect(told()).to.deep.equal([{ wholeAt: undefined, leftOut: { groups: 1000, phone: 3_600_000 } }])
    without()
    now += 1_000
    without('groups')
    expect(told()).to.deep.equal([{ wholeAt: 3_600_000, leftOut: { groups: 3_601_000, phone: 3_600_000 } }])
  })

  it('tells when a secret was shown once and when twice, each once an hour, and nothing of codes then', async () => {
    let now = 1000
    const usage = createUsage({ now: () => now })
    const { client } = await loaded(['a'])
    const show = (isSecretTwice: boolean) =>
      usage.recordTokenRequest(client, { isProtected: undefined, leftOut: undefined, isSecretTwice })
    const { namespace, name, clientId } = client
    show(true)
    const { codes, cursor } = usage.since(0)
    expect(codes).to.deep.equal([{ namespace, name, clientId, secretTwiceAt: 1000, leftOut: {} }])
    now += 3_599_000
    show(true)
    expect(usage.since(cursor).codes, 'no news within the hour').to.deep.equal([])
    show(false)
    expect(usage.since(cursor).codes.map((use) => [use.secretOnceAt, use.secretTwiceAt])).to.deep.equal([
      [3_600_000, 1000],
    ])
  })

  it('tells of a client id that another object has now nothing of the one before', async () => {
    const usage = createUsage({ now: () => 1000 })
    const { client } = await loaded(['a'])
    usage.recordTokenRequest(client, bare)
    usage.recordSector(client, '')
    const { cursor } = usage.since(0)
    const next = { ...client, namespace: 'other', uid: 'of the other' }
    usage.recordTokenRequest(next, safe)
    usage.recordSector(next, '')
    const told = usage.since(cursor)
    expect(told.codes).to.deep.equal([
      {
        namespace: 'other',
        name: client.name,
        clientId: client.clientId,
        protectedAt: 1000,
        wholeAt: 1000,
        leftOut: {},
      },
    ])
    expect(told.sectors.map(({ namespace }) => namespace)).to.deep.equal(['other'])
  })

  it('tells of a client that was made anew under its name nothing of the one before', async () => {
    const usage = createUsage({ now: () => 1000 })
    const { registry, client } = await loaded(['a'])
    usage.recordTokenRequest(client, bare)
    usage.recordSector(client, '')
    usage.removeAllBut({ ...registry, find: () => ({ ...client, uid: 'of the next' }) })
    const { codes, sectors, cursor } = usage.since(0)
    expect([codes, sectors]).to.deep.equal([[], []])
    usage.recordSector(client, '')
    usage.recordSector({ ...client, uid: 'of the next' }, '')
    expect(usage.since(cursor).sectors, 'the same word about another object').to.have.length(1)
    usage.recordTokenRequest({ ...client, uid: 'of the next' }, safe)
    expect(usage.since(cursor).codes.map((use) => [use.protectedAt, use.unprotectedAt])).to.deep.equal([
      [1000, undefined],
    ])
  })

  it('forgets secrets and clients that are gone', async () => {
    const usage = createUsage()
    const { client } = await loaded(['a', 'b'])
    usage.record(client, verifierOf('a').id)
    usage.record(client, verifierOf('b').id)
    usage.removeAllBut((await loaded(['b'])).registry)
    expect(usage.since(0).uses.map(({ secretId }) => secretId)).to.deep.equal([verifierOf('b').id])
    usage.removeAllBut((await applyAll([])).registry)
    expect(usage.since(0).uses).to.deep.equal([])
  })
})
