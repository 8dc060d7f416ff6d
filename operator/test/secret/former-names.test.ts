import { expect } from 'chai'
import { formerNames, isReservedName, removeFormerSecrets } from '../../src/secret/former-names.ts'
import { createOneClient, home, ownedBy } from './one-client.ts'

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

describe('removeFormerSecrets', () => {
  it('removes what is ours, and leaves what is not', async () => {
    const one = createOneClient()
    one.secrets.put('ours', { metadata: ownedBy(one.client) })
    one.secrets.put('theirs', {})
    expect(await removeFormerSecrets(one.secrets, one.client, ['ours', 'theirs', 'gone'])).to.deep.equal([])
    expect([...one.secrets.held.keys()]).to.deep.equal(['theirs'])
  })
  it('returns the names of Secrets that somebody else wrote to meanwhile', async () => {
    const one = createOneClient()
    one.secrets.put('ours', { metadata: ownedBy(one.client) })
    one.secrets.beforeWrite = () => one.secrets.put('ours', { metadata: ownedBy(one.client) })
    expect(await removeFormerSecrets(one.secrets, one.client, ['ours'])).to.deep.equal(['ours'])
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
