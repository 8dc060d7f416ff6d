import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { createFence } from '../../src/secret/fence.ts'
import { createOneClient, createWriting, marksOf, planOf, values } from './one-client.ts'
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
