import { expect } from 'chai'
import { removeAtFormerNames } from '../../src/secret/leave-former-names.ts'
import { createOneClient, home, ownedBy } from './one-client.ts'

const ready = { kind: 'ready', name: 'now' } as const

describe('removeAtFormerNames', () => {
  let one: ReturnType<typeof createOneClient>
  let names: Set<string>
  const leave = (secret: Parameters<typeof removeAtFormerNames>[3] = ready) =>
    removeAtFormerNames({ secrets: one.secrets, home }, one.client, { names }, secret)

  beforeEach(() => {
    one = createOneClient({ spec: { secret: { name: 'now' } } })
    one.secrets.put('before', { metadata: ownedBy(one.client) })
    names = new Set(['before', 'now'])
  })

  it('removes the Secret of the former name when the new one is ready, and forgets the name', async () => {
    expect((await leave()).names).not.to.include('before')
    expect([...one.secrets.held.keys()]).to.deep.equal([])
    expect([...names]).to.deep.equal(['now'])
  })

  it('leaves the old Secret alone until the new one is ready', async () => {
    expect((await leave({ kind: 'pending', name: 'now' })).names).to.include('before')
    expect([...one.secrets.held.keys()]).to.deep.equal(['before'])
    expect([...names]).to.deep.equal(['before', 'now'])
  })

  it('keeps the name, and says why, when it could not be removed', async () => {
    one.secrets.remove = async () => await Promise.reject(new Error('unreachable'))
    const { names: left, failure } = await leave()
    expect(left).to.include('before')
    expect(failure?.message).to.equal('unreachable')
    expect([...names]).to.deep.equal(['before', 'now'])
  })
})
