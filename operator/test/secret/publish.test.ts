import { expect } from 'chai'
import { createPublish } from '../../src/secret/publish.ts'
import { createOneClient, createWriting, digestOfValue, marksOf, planOf, unreachable, values } from './one-client.ts'
import type { OneClient } from './one-client.ts'

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
