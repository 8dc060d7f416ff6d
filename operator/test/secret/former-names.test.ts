import { expect } from 'chai'
import { formerNames, isReservedName, removeAtFormerNames } from '../../src/secret/former-names.ts'
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

  it('leaves what is not ours', async () => {
    one.secrets.put('theirs', {})
    names = new Set(['theirs', 'before', 'gone'])
    await leave()
    expect([...one.secrets.held.keys()]).to.deep.equal(['theirs'])
  })

  it('returns the names of Secrets that somebody else wrote to meanwhile', async () => {
    one.secrets.beforeWrite = () => one.secrets.put('before', { metadata: ownedBy(one.client) })
    expect((await leave()).names).to.deep.equal(['before'])
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

describe('formerNames', () => {
  const names = (remembered: readonly string[], status?: string) =>
    formerNames(
      createOneClient({
        spec: { secret: { name: 'now' } },
        ...(status ? { status: { secret: { name: status } } } : {}),
      }).client,
      remembered,
      home,
    )
  it('are the names that were written to, newest first, and the name in the status', () => {
    expect(names(['first', 'second', 'now'], 'status')).to.deep.equal(['second', 'first', 'status'])
  })
  it('are none for a client whose Secret was never renamed', () => {
    expect(names(['now'])).to.deep.equal([])
  })
})

describe('isReservedName', () => {
  for (const [namespace, name, reserved] of [
    ['auth', 'nauthera-clients-03', true],
    ['auth', 'nauthera-clients-manifest', true],
    ['auth', 'nauthera-keys', true],
    ['auth', 'nauthera-link', true],
    ['auth', 'app-oidc', false],
    ['apps', 'nauthera-keys', false],
  ] as const) {
    it(`K2 ${namespace}/${name} is ${reserved ? 'ours' : "anybody's"}`, () => {
      expect(isReservedName(namespace, name, home)).to.equal(reserved)
    })
  }
})
