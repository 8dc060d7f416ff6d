import { expect } from 'chai'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { leaveToHolder, sharedNameOf } from '../../src/secret/shared-names.ts'
import { client } from '../decide/clients.ts'
import { settled } from '../decide/outcomes.ts'
import { createOneClient, lookOf } from './one-client.ts'

const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason = 'r') => ({
  type,
  status,
  reason,
  message: 'm',
  lastTransitionTime: '2026-01-01T00:00:00Z',
})

const wanting = (name: string, secret: string, isReady = false): OIDCClient => ({
  ...client({ secret: { name: secret } }, { name }),
  ...(isReady ? { status: { secret: { name: secret }, conditions: [condition('SecretReady', 'True')] } } : {}),
})

const aged = (name: string, creationTimestamp: string): OIDCClient => {
  const one = wanting(name, 'shared')
  return { ...one, metadata: { ...one.metadata, uid: `uid-${name}`, creationTimestamp } }
}
const [older, younger] = [aged('z', '2026-01-01T00:00:00Z'), aged('a', '2026-01-01T00:00:01Z')]

describe('sharedNameOf', () => {
  it('is nothing when nobody else asks for the Secret', () => {
    const one = wanting('a', 'shared')
    expect(sharedNameOf(one, [one, wanting('b', 'own')])).to.equal(undefined)
    const elsewhere = { ...wanting('b', 'shared'), metadata: { ...client().metadata, namespace: 'elsewhere' } }
    expect(sharedNameOf(one, [elsewhere])).to.equal(undefined)
  })

  it('names the other client whose status says that it has the Secret', () => {
    expect(sharedNameOf(wanting('a', 'shared'), [wanting('b', 'shared', true)])).to.deep.equal({
      holders: ['demo/b'],
      holder: 'demo/b',
    })
  })

  it('leaves a free name to the older of them, whichever is looked at first', () => {
    for (const all of [
      [older, younger],
      [younger, older],
    ]) {
      expect(sharedNameOf(younger, all)?.holder).to.equal('demo/z')
      expect(sharedNameOf(older, all)?.holder).to.equal(undefined)
    }
  })

  for (const [what, refusal] of [
    ['a rule', condition('Accepted', 'False', 'InvalidSpec')],
    ['a policy', condition('AudiencesGranted', 'Unknown', 'NotRendered')],
  ] as const)
    it(`leaves a free name to none that ${what} refuses, but a Secret to one that has had it before that`, () => {
      const refused = { ...older, status: { conditions: [refusal] } }
      expect(sharedNameOf(younger, [refused, younger])?.holder).to.equal(undefined)
      const accepted = sharedNameOf(refused, [refused, younger])
      expect(accepted?.holder, 'one that is looked at is not judged by its status').to.equal(undefined)
      const served = { ...refused, status: { ...refused.status, secret: { name: 'shared', activeId: '91ab3c0d' } } }
      expect(sharedNameOf(younger, [served, younger])?.holder).to.equal('demo/z')
    })

  it('names the one that makes its Secret again', () => {
    const { status, ...ready } = wanting('b', 'shared', true)
    const restoring = { ...ready, status: { secret: { ...status!.secret!, activeId: '91ab3c0d' } } }
    expect(sharedNameOf(wanting('a', 'shared'), [restoring])).to.deep.equal({ holders: [], holder: 'demo/b' })
  })

  it('names no other when the client has the Secret itself, and still says who believes so', () => {
    expect(sharedNameOf(wanting('a', 'shared', true), [wanting('b', 'shared', true)])).to.deep.equal({
      holders: ['demo/b'],
      holder: undefined,
    })
  })
})

describe('leaveToHolder', () => {
  it('leaves a Secret that is gone to the client that had it, and goes on in every other case', async () => {
    const one = createOneClient()
    const look = lookOf(one, settled)
    const absent = { state: { kind: 'absent' }, object: undefined, plain: undefined } as const
    expect(await leaveToHolder({ ...look, read: absent, holder: 'demo/b' })).to.deep.equal({
      kind: 'ended',
      secret: { kind: 'name-taken', name: 'app-oidc', holder: { kind: 'client', key: 'demo/b' } },
    })
    const former = { ...absent, state: look.read.state, isFormer: true } as const
    expect((await leaveToHolder({ ...look, read: former, holder: 'demo/b' })).kind, 'renamed').to.equal('ended')
    expect((await leaveToHolder({ ...look, read: absent, holder: undefined })).kind).to.equal('passed')
    const owned = { ...absent, state: { kind: 'foreign' } } as const
    expect((await leaveToHolder({ ...look, read: owned, holder: 'demo/b' })).kind).to.equal('passed')
  })
})
