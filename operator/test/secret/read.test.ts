import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { digestOf } from '@nauthera/proto/digest'
import type { RestoreVerdict } from '../../src/decide/secret/restored.ts'
import { createReader } from '../../src/secret/read.ts'
import { createOneClient, home, lookOf, ownedBy, planOf, proof, unreachable } from './one-client.ts'
import type { OneClient } from './one-client.ts'

const value = 'q2D0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A'

describe('createReader', () => {
  let one: OneClient
  const reader = () => createReader({ secrets: one.secrets, proof, verdictOn: () => 'left', home })
  const hold = (name: string) => one.secrets.put(name, { metadata: ownedBy(one.client), value })

  beforeEach(() => {
    one = createOneClient()
  })

  describe('begin', () => {
    it('reads the Secret once, and remembers its state and never its value', async () => {
      hold('app-oidc')
      const first = await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })
      expect(first).to.deep.include({ source: { kind: 'minted' }, isFresh: true, failure: undefined })
      expect(first.read.plain?.reveal()).to.equal(value)
      const second = await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })
      expect(second.read).to.deep.equal({ state: first.read.state, object: undefined, plain: undefined })
      expect(second.isFresh).to.equal(false)
      expect(one.secrets.calls).to.deep.equal(['read app-oidc'])
      expect(JSON.stringify(one.memory)).not.to.include(value)
    })

    it('reads no Secret of a client that lists its secrets, valid or not', async () => {
      hold('app-oidc')
      const [sha256, need] = ['a'.repeat(64), { needsSecret: true, isTaken: true }]
      const found = await reader().readForLook(one.work({ secret: { verifiers: [{ sha256 }] } }), need)
      expect(found.source).to.deep.include({ kind: 'listed', verifiers: [{ id: 'aaaaaaaa', sha256 }] })
      const invalid = one.work({
        secret: { verifiers: [{ sha256: 'no digest' }], existingSecretRef: { name: 'x', key: 'y' } },
      })
      expect(invalid.judgement.acceptance.kind).to.equal('invalid')
      await reader().readForLook(invalid, need)
      expect(one.secrets.calls).to.deep.equal([])
    })

    it('reads nothing of a client that nobody has worked on before: what is there, the create tells', async () => {
      one.secrets.put('app-oidc', { value })
      const { read, isFresh } = await reader().readForLook(
        { ...one.work(), isNew: true },
        { needsSecret: true, isTaken: true },
      )
      expect(read.state).to.deep.equal({ kind: 'absent' })
      expect(isFresh).to.equal(false)
      expect(one.secrets.calls).to.deep.equal([])
    })

    it('does not assume so of a name that the operator itself needs', async () => {
      one = createOneClient({ metadata: { namespace: 'auth' }, spec: { secret: { name: 'nauthera-keys' } } })
      const { read } = await reader().readForLook({ ...one.work(), isNew: true }, { needsSecret: true, isTaken: true })
      expect(read.state.kind).to.equal('foreign')
    })

    it('reads a Secret of somebody else at each look, since no event tells when it is removed', async () => {
      one.secrets.put('app-oidc', { value })
      for (let look = 0; look < 2; look++)
        expect((await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })).read.state.kind).to.equal(
          'foreign',
        )
      expect(one.secrets.calls.length).to.equal(2)
    })

    it('does not take a failed read for an absent Secret', async () => {
      one.secrets.failure = unreachable
      const known = await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })
      expect(known).to.include({ failure: unreachable }).and.to.have.nested.property('read.state.kind', 'unknown')
      expect(one.memory.read).to.equal(undefined)
    })

    it('finds the Secret under the name that it had before', async () => {
      one.memory.names.add('before')
      hold('before')
      const { read } = await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })
      expect(read).to.include({ isFormer: true, object: undefined })
      expect(read.plain?.reveal()).to.equal(value)
      expect((await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })).read).to.have.property(
        'isFormer',
        true,
      )
    })

    it('takes over the Secret of an earlier client by the verdict on it, and no other', async () => {
      const place = { namespace: 'demo', client: one.client.metadata.name, secret: 'app-oidc' }
      const said = { [annotations.clientUid]: 'an-earlier-uid', [annotations.secretId]: digestOf(value).slice(0, 8) }
      const { labels = {} } = ownedBy(one.client)
      const asked: (string | undefined)[] = []
      const readBy = (verdict: RestoreVerdict, proven: object) => {
        one.secrets.put('app-oidc', { metadata: { name: '', labels, annotations: { ...said, ...proven } }, value })
        one.memory.read = undefined
        const verdictOn = (_work: unknown, { former }: { readonly former: { readonly uid: string } | undefined }) => {
          asked.push(former?.uid)
          return verdict
        }
        const needs = { secrets: one.secrets, proof, verdictOn, home }
        return createReader(needs).readForLook(one.work(), { needsSecret: true, isTaken: true })
      }
      const proven = proof.write({ ...place, uid: 'an-earlier-uid', createdAt: 0 }, said)
      expect((await readBy('left', proven)).read.state.kind).to.equal('foreign')
      expect((await readBy('written-again', {})).read, 'nothing of it counts').to.deep.include({
        wasOfEarlier: true,
        restoredFrom: undefined,
        plain: undefined,
        state: {
          kind: 'owned',
          sha256: undefined,
          isMinted: false,
          secretId: undefined,
          rotatedAt: undefined,
          verifiers: [],
          observed: undefined,
          fence: undefined,
        },
      })
      expect(one.memory.restoredFrom).to.equal(undefined)
      const without = (await readBy('restored-without-secret', proven)).read
      expect(without).to.deep.include({ wasOfEarlier: true, restoredFrom: 'an-earlier-uid', plain: undefined })
      expect(without.state).to.include({ kind: 'owned', sha256: undefined })
      const { read } = await readBy('restored', proven)
      expect(read).to.include({ wasOfEarlier: true, restoredFrom: 'an-earlier-uid' })
      expect(read.state).to.include({ kind: 'owned', sha256: digestOf(value), isRestored: true })
      expect(asked).to.deep.equal(['an-earlier-uid', undefined, 'an-earlier-uid', 'an-earlier-uid'])
      one.secrets.put('app-oidc', { value })
      one.memory.read = undefined
      const needs = { secrets: one.secrets, proof, verdictOn: () => expect.fail('it is a stranger'), home }
      const stranger = await createReader(needs).readForLook(one.work(), { needsSecret: true, isTaken: true })
      expect(stranger.read.state.kind).to.equal('foreign')
    })

    it('reads no Secret that the operator itself needs, whoever asks for its name', async () => {
      one = createOneClient({ metadata: { namespace: 'auth' }, spec: { secret: { name: 'nauthera-keys' } } })
      expect((await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })).read.state.kind).to.equal(
        'foreign',
      )
      expect(one.secrets.calls).to.deep.equal([])
    })

    it('asks for no secret of a client that needs none', async () => {
      expect((await reader().readForLook(one.work(), { needsSecret: false, isTaken: true })).source).to.deep.equal({
        kind: 'none',
      })
    })
  })

  describe('again', () => {
    const remembered = async () => {
      await reader().readForLook(one.work(), { needsSecret: true, isTaken: true })
      return lookOf(
        one,
        planOf({ kind: 'rest' }),
        await reader().readForLook(one.work(), { needsSecret: true, isTaken: true }),
      )
    }

    it('reads a Secret that was only remembered', async () => {
      hold('app-oidc')
      const outcome = await reader().again(await remembered())
      expect(outcome).to.have.nested.property('known.isFresh', true)
      expect(outcome).to.have.nested.property('known.read.object.metadata.name', 'app-oidc')
    })

    it('reads nothing when it was read in this look already, or when there was none', async () => {
      expect(await reader().again(await remembered())).to.deep.equal({ kind: 'passed' })
      hold('app-oidc')
      one.memory.read = undefined
      const look = lookOf(
        one,
        planOf({ kind: 'rest' }),
        await reader().readForLook(one.work(), { needsSecret: true, isTaken: true }),
      )
      expect(await reader().again(look)).to.deep.equal({ kind: 'passed' })
    })

    it('hands on a failure, so that nothing is written', async () => {
      hold('app-oidc')
      const look = await remembered()
      one.secrets.failure = unreachable
      expect(await reader().again(look)).to.have.nested.property('known.failure', unreachable)
    })
  })
})
