import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import {
  ClientConfigSchema,
  GrantedSchema,
  RestraintSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { sameClient } from '../../src/shards/client-entry.ts'
import type { ClientForShard } from '../../src/shards/client-entry.ts'
import { version, wanted } from './wanted.ts'

describe(sameClient.name, () => {
  const one = wanted('app')

  it('is the same when all is equal, whichever objects say it', () => {
    expect(sameClient(one, wanted('app'))).to.equal(true)
    expect(sameClient(one, wanted('app', { now: 5 })), 'the time says nothing about the client').to.equal(true)
  })

  const differences: readonly Partial<ClientForShard>[] = [
    { uid: 'another' },
    { restoredFrom: 'an-earlier-uid' },
    { clientId: 'another' },
    { standing: { of: undefined, is: 'accepted' } },
    { standing: { of: renderVersion(create(ClientConfigSchema, { clientName: 'another' })), is: 'unknown' } },
    { createdAt: 2 },
    { namespaceBytes: 1 },
    { clusterBytes: 1 },
    { forbidsEarlier: true },
    { verifiers: [{ id: 'aaaaaaaa', sha256: 'a'.repeat(64) }] },
    { granted: create(GrantedSchema, {}) },
    { restraint: create(RestraintSchema, { suspended: true }) },
    { accountsSince: { apps: 1 } },
    { verdict: { kind: 'carry' } },
    version('another'),
  ]
  for (const difference of differences)
    it(`is another with another ${Object.keys(difference).join()}`, () => {
      expect(sameClient(one, { ...one, ...difference })).to.equal(false)
      expect(sameClient({ ...one, ...difference }, one)).to.equal(false)
    })
})
