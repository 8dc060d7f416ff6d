import { expect } from 'chai'
import { createMemories } from '../../src/secret/memories.ts'
import { client } from '../decide/clients.ts'

describe('createMemories', () => {
  const read = { state: { kind: 'absent' }, fingerprint: undefined } as const
  const key = 'demo/app'

  it('remembers a client from one look to the next', () => {
    const memories = createMemories()
    memories.of(key, client()).read = read
    memories.of(key, client()).names.add('app-oidc')
    expect(memories.of(key, client())).to.deep.include({ read, names: new Set(['app-oidc']) })
  })

  it('K1 lets a client that is created anew under the same name inherit nothing', () => {
    const memories = createMemories()
    memories.of(key, client()).names.add('app-oidc')
    expect(memories.of(key, client({}, { uid: 'another' })).names).to.deep.equal(new Set())
  })

  it('says that a client is gone when there is none, or another object of its name', () => {
    const memories = createMemories()
    expect(memories.isGone(key, client()), 'never looked at').to.equal(false)
    memories.of(key, client())
    expect(memories.isGone(key, client())).to.equal(false)
    expect(memories.isGone(key, client({}, { uid: 'another' }))).to.equal(true)
    expect(memories.isGone(key, undefined)).to.equal(true)
  })

  for (const [why, act] of [
    ['the client was edited', (memories) => void memories.of(key, client({}, { generation: 2 }))],
    ['its Secret is not what it was', (memories) => memories.clearRead(key)],
  ] as const satisfies [string, (memories: ReturnType<typeof createMemories>) => void][]) {
    it(`has its Secret read again when ${why}, and keeps the rest`, () => {
      const memories = createMemories()
      const memory = memories.of(key, client())
      memory.read = read
      memory.names.add('app-oidc')
      act(memories)
      expect(memory).to.deep.include({ read: undefined, names: new Set(['app-oidc']) })
    })
  }

  it('has a Secret read of which it was only assumed that it is not there, when somebody wants to be sure', () => {
    const memories = createMemories()
    const memory = memories.of(key, client())
    memory.read = { ...read, isAssumed: true }
    expect(memories.clearAssumed(key)).to.equal(true)
    expect(memory.read).to.equal(undefined)
    memory.read = read
    expect(memories.clearAssumed(key)).to.equal(false)
    expect(memory.read).to.equal(read)
  })

  it('forgets a client that is gone', () => {
    const memories = createMemories()
    memories.of(key, client()).read = read
    memories.remove(key)
    expect(memories.of(key, client()).read).to.equal(undefined)
  })
})
