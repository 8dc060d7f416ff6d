import { renderVersion } from '@nauthera/proto/client-version'
import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { ClientConfigSchema, ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Propagation } from '../../src/decide/status/propagation.ts'
import { createEntryWriter } from '../../src/secret/put-entry.ts'
import { createOneClient, lookOf, planOf, unreachable } from './one-client.ts'
import type { OneClient } from './one-client.ts'

describe('createEntryWriter', () => {
  let one: OneClient
  const asked = () => one.shard.asked.at(-1)!

  beforeEach(() => {
    one = createOneClient()
  })

  describe('announce', () => {
    const announce = (more: Parameters<typeof lookOf>[2] = {}) =>
      createEntryWriter(one.needs).announce(lookOf(one, planOf({ kind: 'rest' }, { verifiers: [live] }), more))
    const live = { id: '0a1b2c3d', sha256: '0a1b2c3d'.repeat(8) }

    it('puts the verifiers of the plan into the shard', async () => {
      expect(await announce()).to.deep.equal({ kind: 'passed' })
      expect(asked()).to.deep.include({ how: 'put' })
      expect(asked().client).to.deep.include({ uid: one.client.metadata.uid, clientId: 'demo.app', verifiers: [live] })
    })

    it('only presumes an entry when neither Secret nor shard say which verifiers are live', async () => {
      await announce({ failure: unreachable })
      expect(asked().how).to.equal('presume')
      await announce({ failure: unreachable, source: { kind: 'none' } })
      expect(asked().how, 'there are none to know').to.equal('put')
      one.shard.entry = create(ShardEntrySchema, { uid: 'an-earlier-uid' })
      await announce({ failure: unreachable })
      expect(asked().how, 'the shard knows an earlier client').to.equal('presume')
      one.shard.entry = create(ShardEntrySchema, { uid: one.client.metadata.uid })
      await announce({ failure: unreachable })
      expect(asked().how, 'the shard knows').to.equal('put')
    })
  })

  describe('put', () => {
    const stand = (propagation: Partial<Propagation> | undefined) => {
      const follow = { config: () => propagation as Propagation | undefined }
      createEntryWriter({ ...one.needs, follow }).setEntry(one.work(), [], 'known')
      return asked().client?.standing
    }
    const live = { loaded: 3, total: 3, rejected: [], accepted: true }

    for (const [what, propagation, standing] of [
      ['is not stored', undefined, 'unknown'],
      ['is live on every replica', live, 'accepted'],
      ['is rejected by one', { ...live, accepted: false, rejected: [{} as never] }, 'rejected'],
      ['lacks a replica', { ...live, accepted: false }, 'unknown'],
      ['has no replica to be live on', { ...live, total: 0, accepted: false }, 'unknown'],
    ] as const) {
      it(`says ${standing} of a version that ${what}`, () => {
        expect(stand(propagation)?.is).to.equal(standing)
      })
    }

    it('names the stored version that it says this of', () => {
      const desired = renderVersion(create(ClientConfigSchema, { clientName: 'stored' }))
      one.shard.entry = create(ShardEntrySchema, { desired })
      expect(stand(live)?.of).to.deep.equal(desired)
    })

    it('removes a client of which nothing may be served', () => {
      one = createOneClient({ policy: { allow: { types: ['Web'] }, grace: '0s' } })
      createEntryWriter(one.needs).setEntry(one.work(), [], 'known')
      expect(one.shard.asked).to.deep.equal([{ how: 'remove' }])
    })
  })
})
