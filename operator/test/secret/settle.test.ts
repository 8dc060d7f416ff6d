import { expect } from 'chai'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import { createRender, fingerprintOf } from '../../src/secret/render.ts'
import { createLeaveEnding, createSettle, stopWhereNotWritable } from '../../src/secret/settle.ts'
import { createOneClient, issuer, lookOf, marksOf, planOf, proof, unreachable } from './one-client.ts'
import type { OneClient } from './one-client.ts'

const value = 'q2D0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A'
const owned = (sha256: string | undefined) =>
  ({
    state: {
      kind: 'owned',
      sha256,
      isMinted: true,
      secretId: undefined,
      rotatedAt: undefined,
      verifiers: [],
      observed: undefined,
      fence: undefined,
    },
    object: undefined,
    plain: undefined,
  }) as const

describe('stopWhereNotWritable', () => {
  const said = async (more: Parameters<typeof lookOf>[2]) => {
    const outcome = await stopWhereNotWritable(lookOf(createOneClient(), planOf({ kind: 'rest' }), more))
    return outcome.kind === 'ended' ? outcome.secret : outcome.kind
  }
  const foreign = { state: { kind: 'foreign' }, object: undefined, plain: undefined } as const
  const forbidden = new ApiError('KUBERNETES_REFUSED', { message: 'no', status: 403 })

  it('ends where the Secret could not be read, and says what a person can do', async () => {
    expect(await said({ failure: unreachable })).to.deep.include({ kind: 'unreadable', name: 'app-oidc' })
    expect(await said({ failure: forbidden }))
      .to.have.property('message')
      .that.includes('RBAC')
  })
  it("ends where the client's own secret is missing", async () => {
    expect(await said({ missing: 'create it' })).to.deep.equal({
      kind: 'waiting-for-secret',
      name: 'app-oidc',
      message: 'create it',
    })
  })
  it("ends where the Secret is somebody else's", async () => {
    const taken = { kind: 'name-taken', name: 'app-oidc' }
    const labelled = (labels: Record<string, string>) =>
      ({
        ...foreign,
        object: { metadata: { name: 'app-oidc', namespace: 'demo', labels } },
      }) as unknown as typeof foreign
    expect(await said({ read: labelled({}) })).to.deep.equal({ ...taken, holder: { kind: 'stranger' } })
    expect(await said({ read: foreign }), 'not read at all').to.deep.equal({ ...taken, holder: { kind: 'release' } })
    const ours = { 'app.kubernetes.io/managed-by': 'nauthera-operator', 'auth.nauthera.io/client': 'other' }
    expect(await said({ read: labelled(ours) })).to.deep.equal({
      ...taken,
      holder: { kind: 'client', key: 'demo/other' },
    })
  })
  it('goes on in every other case', async () => {
    expect(await said({})).to.equal('passed')
  })
})

describe('createLeaveEnding', () => {
  it('serves none that is new in a namespace that is being deleted, and looks again in case it stays', async () => {
    const one = createOneClient()
    const look = lookOf(one, planOf({ kind: 'rest' }))
    const leaveEnding = createLeaveEnding(one.needs)
    expect((await leaveEnding(look)).kind).to.equal('passed')
    one.ending.add('demo')
    expect(await leaveEnding(look)).to.deep.equal({
      kind: 'ended',
      secret: { kind: 'namespace-ending', name: 'app-oidc' },
    })
    expect(one.again).to.deep.equal([60_000])
  })
})

describe('createSettle', () => {
  let one: OneClient
  const render = createRender(issuer, proof)
  const settle = async (...[plan, more]: [Parameters<typeof lookOf>[1], Parameters<typeof lookOf>[2]?]) => {
    const outcome = await createSettle({ ...one.needs, render })(lookOf(one, plan, more))
    return outcome.kind === 'ended' ? outcome.secret.kind : outcome.kind
  }
  const written = (marks: ReturnType<typeof marksOf> | undefined) => {
    one.memory.read = { state: owned(undefined).state, fingerprint: fingerprintOf(render, one.work(), marks) }
  }

  beforeEach(() => {
    one = createOneClient()
  })

  it('never holds up a publication or a fence', async () => {
    const marks = marksOf(one, value)
    written(marks)
    for (const kind of ['publish', 'fence'] as const)
      expect(await settle(planOf({ kind }, { secret: marks }), { read: owned(marks.verifiers[0]!.sha256) })).to.equal(
        'passed',
      )
  })

  it('ends when there is nothing to write yet', async () => {
    expect(await settle(planOf({ kind: 'await-replicas', since: 0 }))).to.equal('pending')
  })

  it('ends when the Secret already says what it should say', async () => {
    const marks = marksOf(one, value)
    written(marks)
    const read = owned(marks.verifiers[0]!.sha256)
    expect(await settle(planOf({ kind: 'rest' }, { secret: marks }), { read })).to.equal('ready')
  })

  it('goes on when one annotation differs, and when it is not known what was written last', async () => {
    const marks = marksOf(one, value)
    written({ ...marks, fence: '0a1b2c3d' })
    const read = owned(marks.verifiers[0]!.sha256)
    expect(await settle(planOf({ kind: 'rest' }, { secret: marks }), { read })).to.equal('passed')
    one.memory.read = undefined
    expect(await settle(planOf({ kind: 'rest' }, { secret: marks }), { read })).to.equal('passed')
  })

  it('is not ready while the Secret lies under its former name', async () => {
    const read = { ...owned('f'.repeat(64)), isFormer: true } as const
    expect(await settle(planOf({ kind: 'rest' }), { read })).to.equal('pending')
  })

  it('writes the endpoints of a client without a secret when it is live, and not before', async () => {
    const source = { kind: 'none' } as const
    expect(await settle(planOf({ kind: 'rest' }), { source })).to.equal('pending')
    one.shard.asked.push({ how: 'put', client: { ...one.client.metadata, verifiers: [], verdict: {} } as never })
    one.shard.store()
    expect(await settle(planOf({ kind: 'rest' }), { source })).to.equal('pending')
    one.shard.spread()
    expect(await settle(planOf({ kind: 'rest' }), { source })).to.equal('passed')
  })

  it('leaves the Secret to its programs until every replica serves the version without a secret', async () => {
    const verifiers = [{ id: 'aaaaaaaa', sha256: 'a'.repeat(64) }]
    one.shard.asked.push({ how: 'put', client: { ...one.client.metadata, verifiers: [], verdict: {} } as never })
    one.shard.store()
    one.shard.spread()
    const leaving = (isTaken: boolean, more: object = { verifiers }) =>
      settle(planOf({ kind: 'rest' }, more), { source: { kind: 'leaving', isTaken } })
    expect(await leaving(false)).to.equal('pending')
    expect(await leaving(true)).to.equal('passed')
    expect(await leaving(false, {}), 'it never had a secret').to.equal('passed')
  })

  it('waits for the servers after a restore, until its status has said that the Secret is there', async () => {
    const marks = marksOf(one, value)
    const read = owned(marks.verifiers[0]!.sha256)
    const restored = (step: 'rest' | 'write-shard' = 'rest') =>
      settle(planOf({ kind: step }, { secret: marks }), { read })
    one.memory.restoredFrom = 'an-earlier-uid'
    written(marks)
    expect(await restored(), 'nothing is stored').to.equal('pending')
    const { metadata } = one.client
    one.shard.asked.push({ how: 'put', client: { ...metadata, verifiers: [], verdict: {} } as never })
    one.shard.store()
    one.shard.spread()
    expect(await restored(), 'what is stored is not of the earlier client').to.equal('pending')
    one.shard.entry!.restoredFrom = 'an-earlier-uid'
    expect(await restored()).to.equal('ready')
    expect(await restored('write-shard')).to.equal('pending')
    one.shard.live = false
    expect(await restored()).to.equal('pending')
  })
})
