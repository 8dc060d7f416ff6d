import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { annotations } from '@nauthera/proto/names'
import { createWorkOnSecret } from '../../src/secret/work-on-secret.ts'
import { createOneClient, ownedBy, unreachable } from './one-client.ts'
import type { OneClient } from './one-client.ts'

const verifierOf = (value: string) => digestOf(value).slice(0, 8)

describe('createWorkOnSecret', () => {
  let one: OneClient
  let look: (spec?: Parameters<OneClient['work']>[0]) => ReturnType<ReturnType<typeof createWorkOnSecret>>

  const begin = (options: Parameters<typeof createOneClient>[0] = {}) => {
    one = createOneClient(options)
    const workOnSecret = createWorkOnSecret(one.needs)
    look = (spec) => workOnSecret(one.work(spec))
  }
  /** Looks until the first secret is published and rests. */
  const settle = async (spec?: Parameters<typeof look>[0]) => {
    await look(spec)
    one.shard.store()
    one.shard.spread()
    await look(spec)
    one.shard.store()
    one.shard.spread()
    return await look(spec)
  }
  const writes = () => one.secrets.calls.filter((call) => !call.startsWith('read'))
  const asked = () => one.shard.asked.at(-1)!
  const askedIds = () => asked().client?.verifiers.map(({ id }) => id)

  it('puts a new secret into the shard first, and into the Secret when every replica has it', async () => {
    begin()
    const first = await look()
    expect(first.secret).to.deep.equal({ kind: 'pending', name: 'app-oidc' })
    expect(askedIds()).to.deep.equal([one.memory.pending!.secret.id])
    one.shard.store()
    await look()
    expect(writes()).to.deep.equal([])
    one.shard.spread()
    const last = await look()
    expect(last.secret).to.deep.equal({ kind: 'ready', name: 'app-oidc' })
    expect(writes()).to.deep.equal(['create app-oidc'])
    expect(askedIds()).to.deep.equal([verifierOf(one.published()!)])
    expect(one.memory.pending).to.equal(undefined)
  })

  it('writes nothing, and reads nothing, while nothing has changed', async () => {
    begin()
    await settle()
    const before = one.secrets.calls.length
    const result = await look()
    expect(result).to.include({ failure: undefined }).and.to.have.deep.property('secret', {
      kind: 'ready',
      name: 'app-oidc',
    })
    expect(one.secrets.calls.length).to.equal(before)
  })

  it('restores an edited value without a rotation when another key holds it', async () => {
    begin({ spec: { secret: { presets: ['Env'] } } })
    await settle()
    const value = one.published()!
    const { metadata, data } = one.secrets.held.get('app-oidc')!
    one.secrets.put('app-oidc', { metadata, data: { ...data, client_secret: '' } })
    one.memory.read = undefined
    await look()
    expect(one.published()).to.equal(value)
    expect(one.log.told('secret minted').length).to.equal(1)
  })

  it('reads before it writes, and decides anew on what it finds', async () => {
    begin()
    await settle()
    const before = one.secrets.calls.length
    one.secrets.held.delete('app-oidc')
    // the rename of a key is a reason to write; that the Secret is gone is found out then
    await look({ secret: { keys: { client_id: 'id' } } })
    expect(one.secrets.calls.slice(before)).to.deep.equal(['read app-oidc'])
    expect(one.log.told('secret minted').length).to.equal(2)
  })

  it('says once that the secret of its status is lost, and keeps since when', async () => {
    begin({ status: { secret: { name: 'app-oidc', activeId: '0a1b2c3d' } } })
    one.secrets.put('app-oidc', { metadata: ownedBy(one.client), data: {} })
    await look()
    const since = one.clock.now()
    one.clock.advance(1_000)
    await look()
    expect(one.memory.lostSince).to.equal(since)
    expect(one.log.told('secret lost').length).to.equal(1)
    one.shard.store()
    one.shard.spread()
    await look()
    expect(one.memory.lostSince).to.equal(undefined)
  })

  it('lets its shard wait no longer when a rule of ours fails on the client, and says so', async () => {
    one = createOneClient()
    const usesKnownSince = () => {
      throw new TypeError('a rule fails')
    }
    const failing = { ...one.needs.replicas, usesKnownSince }
    const result = await createWorkOnSecret({ ...one.needs, replicas: failing })(one.work())
    expect(asked().how).to.equal('presume')
    expect(result.failure).to.be.instanceOf(TypeError)
    expect(result.secret)
      .to.include({ kind: 'unreadable' })
      .and.to.have.property('message')
      .that.includes('failed on it')
  })

  it('leaves a Secret alone that somebody else creates at the same moment', async () => {
    begin()
    await look()
    one.shard.store()
    one.shard.spread()
    one.secrets.beforeWrite = () => {
      if (!one.secrets.held.has('app-oidc')) one.secrets.put('app-oidc', { value: 'theirs' })
    }
    const result = await look()
    expect(result.secret).to.deep.equal({ kind: 'name-taken', name: 'app-oidc', holder: { kind: 'stranger' } })
    expect(result.again).to.equal(15_000)
    expect(one.published()).to.equal('theirs')
  })

  it('keeps what was accepted of a restored client whose spec breaks a rule: its Secret tells that it was restored', async () => {
    const broken = { interval: '720h', window: { schedule: '0 0 30 2 *', duration: '1h' } }
    begin()
    await settle()
    const { metadata, data } = one.secrets.held.get('app-oidc')!
    const [uid, entry] = [one.client.metadata.uid, one.shard.entry]
    begin({ metadata: { uid: 'uid-anew' }, spec: { rotation: broken } })
    one.shard.entry = entry
    one.secrets.put('app-oidc', { metadata: { ...metadata, ownerReferences: [] }, data: { ...data } })
    one.secrets.failure = unreachable
    expect((await look()).failure, 'nobody knows yet whose the entry is').to.equal(unreachable)
    expect(one.shard.asked).to.deep.equal([])
    one.secrets.failure = undefined
    await look()
    expect(one.shard.asked.map(({ client }) => client?.restoredFrom)).to.deep.equal([uid])
  })

  it('moves the value along when the Secret gets another name', async () => {
    begin()
    await settle()
    const value = one.published()
    one.memory.read = undefined
    const result = await look({ secret: { name: 'elsewhere' } })
    expect(result.secret).to.deep.equal({ kind: 'ready', name: 'elsewhere' })
    expect(one.published('elsewhere')).to.equal(value)
    expect(one.published(), 'the old one goes when the status is written').to.equal(value)
  })

  it('writes the endpoints of a client without a secret once it is live', async () => {
    begin({ spec: { type: 'SPA', redirectURIs: ['https://app.example.com/callback'] } })
    expect((await look()).secret.kind).to.equal('pending')
    expect(writes()).to.deep.equal([])
    one.shard.store()
    one.shard.spread()
    expect((await look()).secret.kind).to.equal('ready')
    expect(writes()).to.deep.equal(['create app-oidc'])
    expect(one.secrets.held.get('app-oidc')!.data).not.to.have.property('client_secret')
  })

  describe('when the API does not answer', () => {
    it('mints nothing and only presumes the entry of a client that is not stored', async () => {
      begin()
      one.secrets.failure = unreachable
      const result = await look()
      expect(result.secret.kind).to.equal('unreadable')
      expect(result.failure).to.equal(unreachable)
      expect(asked().how).to.equal('presume')
      expect(one.memory.pending).to.equal(undefined)
    })

    it('keeps the verifiers of a client that is stored', async () => {
      begin()
      await settle()
      one.memory.read = undefined
      one.secrets.failure = unreachable
      await look()
      expect(asked().how).to.equal('put')
      expect(askedIds()).to.deep.equal([verifierOf(one.published()!)])
    })

    it('keeps the pending secret when nobody knows whether its publication was written', async () => {
      begin()
      await look()
      one.shard.store()
      one.shard.spread()
      one.secrets.failure = unreachable
      const minted = one.memory.pending
      expect((await look()).failure).to.equal(unreachable)
      expect(one.memory).to.include({ pending: minted, read: undefined })
      one.secrets.failure = undefined
      await look()
      expect(verifierOf(one.published()!)).to.equal(minted!.secret.id)
    })
  })

  describe('a refused client', () => {
    it('leaves its shard before anything is read', async () => {
      begin({ policy: { allow: { types: ['Web'] }, grace: '0s' } })
      one.secrets.failure = unreachable
      await look()
      expect(one.shard.asked.map(({ how }) => how)).to.include('remove')
      expect(one.shard.asked.map(({ how }) => how)).not.to.include('put')
    })

    it('is looked at again when the grace of a policy is over', async () => {
      begin({ policy: { allow: { types: ['Web'] }, grace: '1h' } })
      expect((await look()).again).to.equal(3_600_000)
    })

    it('keeps its secrets when its spec breaks a rule', async () => {
      begin()
      await settle()
      const ids = askedIds()
      const result = await look({ redirectURIs: ['https://app.example.com/callback'] })
      expect(result).to.include({ plan: undefined, failure: undefined, again: undefined })
      expect(result.secret.kind).to.equal('ready')
      expect(asked().client?.verdict).to.deep.equal({ kind: 'carry' })
      expect(askedIds()).to.deep.equal(ids)
    })

    describe('that has a previous secret', () => {
      const rotation = { trigger: '2' }
      const broken = { redirectURIs: ['https://app.example.com/callback'] }
      let present: string
      beforeEach(async () => {
        begin()
        await settle()
        const [previous] = askedIds()!
        await settle({ rotation })
        present = verifierOf(one.published()!)
        expect(askedIds()).to.deep.equal([present, previous])
        one.shard.store()
        await look({ ...broken, rotation })
        expect(askedIds()).to.deep.equal([present, previous])
      })

      it('loses the one that it revokes, though its spec breaks a rule', async () => {
        await look({ ...broken, rotation: { ...rotation, revokePrevious: 'leak' } })
        expect(askedIds()).to.deep.equal([present])
      })

      it('loses the one that it revoked before its spec broke a rule, though no server had heard of that', async () => {
        const revokes = { rotation: { ...rotation, revokePrevious: 'leak' } }
        await look(revokes)
        expect(one.secrets.held.get('app-oidc')?.metadata.annotations).to.have.property(annotations.observed)
        await look({ ...broken, ...revokes })
        expect(askedIds()).to.deep.equal([present])
      })
    })
  })

  describe('with a secret of its own', () => {
    const values = ['the-first-secret-that-was-given-to-it-0000', 'the-second-secret-that-was-given-to-it-000']
    const give = (value: string) =>
      one.secrets.put('given', {
        metadata: { labels: { 'auth.nauthera.io/client': 'app' } } as never,
        data: { value: Buffer.from(value).toString('base64') },
      })
    beforeEach(async () => {
      begin({
        spec: { secret: { existingSecretRef: { name: 'given', key: 'value' } } },
        policy: { allow: { existingSecret: true } },
      })
      give(values[0]!)
      await settle()
      expect(one.published()).to.equal(values[0])
    })

    it('shows a new value to the application only when every replica has it', async () => {
      give(values[1]!)
      // a restart or a resync: nothing is remembered
      one.memory.read = undefined
      await look()
      expect(one.published()).to.equal(values[0])
      one.shard.store()
      await look()
      expect(one.published()).to.equal(values[0])
      one.shard.spread()
      await look()
      expect(one.published()).to.equal(values[1])
      expect(one.annotation(annotations.secretId)).to.equal(verifierOf(values[1]!))
    })

    it('does not read that secret while the spec breaks a rule', async () => {
      const before = one.secrets.calls.length
      await look({ redirectURIs: ['https://app.example.com/callback'] })
      expect(one.secrets.calls.slice(before)).to.not.include('read given')
    })

    it('waits when that secret is gone, and looks again later', async () => {
      one.secrets.held.delete('given')
      const result = await look()
      expect(result.secret.kind).to.equal('waiting-for-secret')
      expect(result.again).to.equal(15_000)
      expect(askedIds()).to.deep.equal([verifierOf(values[0]!)])
    })
  })

  it('gives up for a moment when somebody writes again and again', async () => {
    begin()
    await settle()
    one.secrets.beforeWrite = () => one.secrets.put('app-oidc', one.secrets.held.get('app-oidc')!)
    const result = await look({ secret: { keys: { client_id: 'id' } } })
    expect(result).to.deep.include({ plan: undefined, secret: { kind: 'pending', name: 'app-oidc' } })
    expect(one.again).to.deep.equal([1_000])
  })
})
