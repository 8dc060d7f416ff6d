import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { Secret } from '@nauthera/runtime/secret'
import { createFence, createPublish, createRestore } from '../../src/secret/write.ts'
import { createOneClient, createWriting, digestOfValue, marksOf, planOf, unreachable, values } from './one-client.ts'
import type { OneClient } from './one-client.ts'

describe('createFence', () => {
  let one: OneClient
  let writing: ReturnType<typeof createWriting>
  beforeEach(() => {
    one = createOneClient()
    writing = createWriting(one)
  })

  it('changes the annotation and not the value', async () => {
    writing.hold(values.old)
    writing.pend(values.fresh)
    const marks = marksOf(one, values.old, { fence: '0a1b2c3d' })
    await writing.take(createFence(writing.write), planOf({ kind: 'fence' }, { secret: marks }))
    expect(one.annotation(annotations.fence)).to.equal('0a1b2c3d')
    expect(one.published()).to.equal(values.old)
    expect(one.memory.pending).not.to.equal(undefined)
  })

  it('keeps a value that somebody else wrote into the Secret', async () => {
    writing.hold('edited by somebody')
    const marks = marksOf(one, 'edited by somebody', { fence: '0a1b2c3d' })
    await writing.take(createFence(writing.write), planOf({ kind: 'fence' }, { secret: marks }))
    expect(one.published()).to.equal('edited by somebody')
  })

  it('does nothing when the plan has no fence to write', async () => {
    expect(await writing.take(createFence(writing.write), planOf({ kind: 'publish' }))).to.deep.equal({
      kind: 'passed',
    })
  })
})

describe('createPublish', () => {
  let one: OneClient
  let writing: ReturnType<typeof createWriting>
  beforeEach(() => {
    one = createOneClient()
    writing = createWriting(one)
  })

  const publishing = () => planOf({ kind: 'publish' }, { secret: marksOf(one, values.fresh) })

  it('writes the pending secret over the one that was read, and forgets it', async () => {
    writing.hold(values.old)
    writing.pend(values.fresh)
    const outcome = await writing.take(createPublish(writing.write), publishing())
    expect(outcome).to.have.nested.property('known.read.state.sha256', digestOfValue(values.fresh))
    expect(one.published()).to.equal(values.fresh)
    expect(one.memory.pending).to.equal(undefined)
    expect(one.log.told('secret published').length).to.equal(1)
    expect(writing.wrote).to.deep.equal(['secret'])
  })

  it('keeps the pending secret when somebody else wrote meanwhile, and brings what is there now', async () => {
    writing.hold(values.old)
    writing.pend(values.fresh)
    one.secrets.beforeWrite = () => writing.hold('edited by somebody')
    const outcome = await writing.take(createPublish(writing.write), publishing())
    expect(outcome).to.have.nested.property('known.read.state.sha256', digestOfValue('edited by somebody'))
    expect(one.memory.pending).not.to.equal(undefined)
    expect(one.log.told('secret published')).to.deep.equal([])
  })

  it('keeps the pending secret when nobody knows whether the write took effect, and reads the Secret again', async () => {
    writing.hold(values.old)
    writing.pend(values.fresh)
    one.memory.read = { state: { kind: 'absent' }, fingerprint: 'x' }
    one.secrets.failure = unreachable
    const outcome = await writing.take(createPublish(writing.write), publishing())
    expect(outcome).to.have.nested.property('known.failure', unreachable)
    expect(one.memory.read).to.equal(undefined)
    expect(one.memory.pending).not.to.equal(undefined)
  })

  it('does nothing when the plan publishes nothing', async () => {
    expect(await writing.take(createPublish(writing.write), planOf({ kind: 'rest' }))).to.deep.equal({ kind: 'passed' })
    expect(one.secrets.calls).to.deep.equal([])
  })
})

describe('createRestore', () => {
  let one: OneClient
  let writing: ReturnType<typeof createWriting>
  beforeEach(() => {
    one = createOneClient()
    writing = createWriting(one)
  })

  const resting = (value: string) => planOf({ kind: 'rest' }, { secret: marksOf(one, value) })

  it('creates the Secret where there is none, and remembers its name', async () => {
    await writing.take(createRestore(writing.write), planOf({ kind: 'rest' }), { source: { kind: 'none' } })
    expect(one.secrets.calls).to.deep.equal(['create app-oidc'])
    expect([...one.memory.names]).to.deep.equal(['app-oidc'])
    expect(one.log.told('secret created').length).to.equal(1)
  })

  it('writes only the value that the plan names, even when a newer one is known', async () => {
    writing.hold(values.old)
    writing.pend(values.fresh)
    await writing.take(createRestore(writing.write), resting(values.old), {
      given: new Secret('a-secret-of-its-own-with-40-characters-'),
    })
    expect(one.published()).to.equal(values.old)
  })

  it('writes nothing when the value that belongs there is not known', async () => {
    writing.hold('edited by somebody')
    const outcome = await writing.take(createRestore(writing.write), resting(values.old))
    expect(outcome).to.deep.equal({ kind: 'ended', secret: { kind: 'pending', name: 'app-oidc' } })
    expect(one.secrets.calls).to.deep.equal([])
  })

  it('brings what is there now when somebody else wrote meanwhile: it is not read once more', async () => {
    writing.hold(values.old)
    one.secrets.beforeWrite = () => writing.hold(values.fresh)
    const outcome = await writing.take(createRestore(writing.write), resting(values.old))
    expect(outcome).to.have.nested.property('known.isFresh', true)
    expect(one.secrets.calls).to.deep.equal(['update app-oidc', 'read app-oidc'])
  })

  it('says which template does not render, and writes nothing', async () => {
    one = createOneClient({ spec: { secret: { data: { url: '{{ .nothing }}' } } } })
    writing = createWriting(one)
    writing.hold(values.old)
    const outcome = await writing.take(createRestore(writing.write), resting(values.old))
    expect(outcome).to.have.nested.property('secret.kind', 'template-invalid')
    expect(outcome).to.have.nested.property('secret.faults[0].path', 'spec.secret.data.url')
    expect(one.secrets.calls).to.deep.equal([])
  })
})
