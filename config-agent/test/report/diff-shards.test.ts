import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import {
  ClientConfigSchema,
  GrantedSchema,
  RestraintSchema,
  VerifierSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { diffClients, diffShards } from '../../src/report/diff-shards.ts'
import { shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { parseShard } from '../../src/mount/parse-files.ts'
import { buildClient, buildClients, buildVolume, sha256 } from '@nauthera/harness/agent/make-shards'

const config = (more: Partial<ClientConfig> = {}) =>
  create(ClientConfigSchema, {
    generation: 1n,
    type: 'Web',
    redirectUris: ['https://a.example.com'],
    scopes: ['openid'],
    ...more,
  } as never)
const verifier = (text: string) => create(VerifierSchema, { id: sha256(text).slice(0, 8), sha256: sha256(text) })

describe('diffClients', () => {
  const before = buildClient('grafana', { desired: config(), verifiers: [verifier('one')] })
  const rows: [string, Parameters<typeof buildClient>[1], string[]][] = [
    ['nothing', {}, []],
    [
      'a redirect URI',
      { desired: config({ generation: 2n, redirectUris: ['https://b.example.com'] }) },
      ['redirectURIs'],
    ],
    [
      'a URL and an endpoint',
      { desired: config({ logoUri: 'https://x', jwksUri: 'https://y' }) },
      ['auth.jwksURI', 'uris.logo'],
    ],
    ['the order of scopes', { desired: config({ scopes: ['profile', 'openid'] }) }, ['scopes']],
    ['a field that is set for the first time', { desired: config({ defaultMaxAge: 0 }) }, ['defaultMaxAge']],
    ['the key set', { desired: config({ jwks: { keys: [{ kty: 'EC' }] } }) }, ['auth.jwks']],
    ['only the generation', { desired: config({ generation: 2n }) }, ['generation']],
    ['a desired version that is withdrawn', { accepted: config() }, ['desired']],
    ['nothing when only the carried version changes', { accepted: config() }, []],
    ['the display name', { desired: config({ clientName: 'Grafana', generation: 2n }) }, ['displayName']],
    ['what stops it', { desired: config(), restraint: create(RestraintSchema) }, ['restraint']],
    ['the age of its namespace', { desired: config(), accountsSince: { apps: timestampFromMs(1) } }, ['accountsSince']],
    ['what it may have at APIs', { desired: config(), granted: create(GrantedSchema) }, ['granted']],
    ['the client id', { desired: config(), clientId: 'other' }, ['clientId']],
  ]
  for (const [title, after, fields] of rows) {
    it(`names ${title}`, () => {
      const next = buildClient('grafana', {
        verifiers: [verifier('one')],
        ...(title === 'a desired version that is withdrawn' ? { desired: undefined as never } : { desired: config() }),
        ...after,
      })
      const changes = diffClients([before], [next])
      expect(changes.flatMap((change) => change.fields)).to.deep.equal(fields)
    })
  }

  it('shows a rotation by ids, and which secret has ended', () => {
    const rotated = buildClient('grafana', { desired: config(), verifiers: [verifier('two'), verifier('one')] })
    const [one, two] = [verifier('one').id, verifier('two').id]
    expect(diffClients([before], [rotated])[0]).to.deep.include({
      client: 'apps/grafana',
      kind: 'changed',
      fields: ['verifiers'],
      verifiers: { before: [one], after: [two, one] },
      retired: [],
    })
    const ended = buildClient('grafana', { desired: config(), verifiers: [verifier('two')] })
    expect(diffClients([rotated], [ended])[0]?.retired).to.deep.equal([one])
  })

  it('tells who came and who went', () => {
    const changes = diffClients([before, buildClient('gone')], [before, buildClient('new')])
    expect(changes.map(({ client, kind }) => `${client} ${kind}`)).to.deep.equal([
      'apps/new added',
      'apps/gone removed',
    ])
    expect(changes[1]?.retired).to.have.length(1)
  })
})

describe('diffShards', () => {
  const shardWith = (name: string, more: Parameters<typeof buildClient>[1] = {}) => {
    const clients = [buildClient(name, more), ...buildClients(200)]
    const shard = shardOf('apps', name)
    return parseShard(shard, buildVolume(clients).files.get(shardFile(shard))!)
  }

  it('finds the one client that differs', () => {
    const changes = diffShards(shardWith('grafana'), shardWith('grafana', { clientId: 'other' }))
    expect(changes.map(({ client, fields }) => [client, fields])).to.deep.equal([['apps/grafana', ['clientId']]])
  })

  it('finds nothing between two renderings of the same', () => {
    expect(diffShards(shardWith('grafana'), shardWith('grafana'))).to.deep.equal([])
  })
})
