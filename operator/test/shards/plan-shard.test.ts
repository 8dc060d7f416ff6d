import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import { digestOf } from '@nauthera/proto/digest'
import {
  ClientConfigSchema,
  GrantedSchema,
  RestraintSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { decodeShardFile, renderShardFile } from '@nauthera/proto/shard-file'
import { noGroup } from '@nauthera/rules/restraint'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { decodeClient } from '@nauthera/harness/operator/decoded-client'
import { gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { accountsSinceOf } from '../../src/decide/access/accounts-since.ts'
import { isUnchanged, plannedEntry, isSameVersion } from '../../src/shards/client-entry.ts'
import type { ClientForShard } from '../../src/shards/client-entry.ts'
import { planShard } from '../../src/shards/plan-shard.ts'
import type { ShardPlan, ShardPlanInput } from '../../src/shards/plan-shard.ts'
import type { Standing } from '../../src/decide/status/propagation.ts'
import { client } from '../decide/clients.ts'

const config = (name: string, generation = 1): ClientConfig =>
  create(ClientConfigSchema, { type: 'M2M', clientName: name, generation: BigInt(generation) })
const desired = (config: ClientConfig) => ({ kind: 'desired', version: renderVersion(config) }) as const
const sha256 = digestOf('a secret')
const verifier = { id: sha256.slice(0, 8), sha256 }

const one = (change: Partial<ClientForShard> = {}): ClientForShard => ({
  namespace: 'demo',
  name: 'app',
  uid: 'u1',
  clientId: 'demo.app',
  createdAt: 1,
  namespaceBytes: 65_536,
  verifiers: [verifier],
  verdict: desired(config('one')),
  granted: undefined,
  forbidsEarlier: false,
  restraint: undefined,
  accountsSince: {},
  standing: { of: undefined, is: 'unknown' },
  ...change,
})
const granting = (apis: readonly [identifier: string, scopes: string[]][]) =>
  create(GrantedSchema, { apis: apis.map(([identifier, scopes]) => ({ identifier, scopes })) })
const carry = { verdict: { kind: 'carry' } } as const
const standing = (is: Standing, of: ClientForShard['verdict']): Pick<ClientForShard, 'standing'> => ({
  standing: { of: of.kind === 'desired' ? of.version : undefined, is },
})
const [first, second] = [desired(config('one')), desired(config('two'))]

const plan = (
  clients: readonly ClientForShard[],
  stored?: ClientShard,
  more: Partial<ShardPlanInput> = {},
): ShardPlan =>
  planShard({
    shard: 3,
    clients,
    stored,
    seq: { highestSeen: 0n, startSeconds: 100n },
    now: 1_000,
    change: 'c7f2',
    ...more,
  })

function written(
  clients: readonly ClientForShard[],
  stored?: ClientShard,
  more: Partial<ShardPlanInput> = {},
): ClientShard {
  const made = plan(clients, stored, more)
  if (made.kind !== 'write') throw new Error('expected a write')
  return made.shard
}

const said = (entry: ShardEntry | undefined) => {
  const client = entry && decodeClient(entry)
  return client && { desired: client.desired?.clientName, accepted: client.accepted?.clientName }
}

describe('planShard', () => {
  it('writes clients in order, with every word of the shard', () => {
    const shard = written([one({ name: 'b' }), one({ namespace: 'a', name: 'z' }), one({ name: 'a' })])
    expect(shard).to.include({ schema: 1, shard: 3, shardCount: 16, seq: 101n, change: 'c7f2' })
    expect(shard.entries.map(({ namespace, name }) => `${namespace}/${name}`)).to.deep.equal([
      'a/z',
      'demo/a',
      'demo/b',
    ])
  })

  it('takes at most 95 bytes a client in the compressed file', () => {
    const count = 625
    const random = (n: number): string => digestOf(String(n))
    const web = (n: number): ClientForShard => {
      const about = { name: `app-${n}`, namespace: `team-${n % 40}` }
      const spec = { displayName: `Application ${n}`, redirectURIs: [`https://app-${n}.example.com/oauth/callback`] }
      return one({
        ...about,
        uid: random(n).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5'),
        clientId: `${about.namespace}.${about.name}`,
        verifiers: [{ id: random(-n).slice(0, 8), sha256: random(-n) }],
        verdict: desired(renderConfig(client(spec, about))),
      })
    }
    const made = plan(Array.from({ length: count }, (_, n) => web(n + 1)))
    if (made.kind !== 'write') throw new Error('expected a write')
    expect(made.file.length / count).to.be.below(95)
  })
  it('gives the same bytes whatever the order of the clients', () => {
    const [left, right] = [
      plan([one({ name: 'a' }), one({ name: 'b' })]),
      plan([one({ name: 'b' }), one({ name: 'a' })]),
    ]
    expect(left.kind === 'write' && left.digest).to.equal(right.kind === 'write' && right.digest)
  })

  it('reads back what it wrote, under the digest that it names', () => {
    const made = plan([one({ verifiers: [verifier, { ...verifier, notAfter: 5_000 }] })])
    if (made.kind !== 'write') throw new Error('expected a write')
    const { shard, digest } = decodeShardFile(made.file)
    expect(digest).to.equal(made.digest)
    expect(shard.entries[0]!.verifiers[1]!.notAfter?.seconds).to.equal(5n)
  })

  it('recognises a version that was written and read back, with every kind of field', () => {
    const jwks = { keys: [{ kty: 'OKP', x: 'a' }] }
    const { spec } = client({
      defaultMaxAge: 3600,
      par: true,
      auth: { jwks },
      resourceServer: { identifier: 'urn:a:b' },
    })
    const wide = one({ verdict: desired(renderConfig({ ...client(), spec })) })
    const made = plan([wide])
    if (made.kind !== 'write') throw new Error('expected a write')
    const { shard } = decodeShardFile(made.file)
    expect(
      isSameVersion(shard.entries[0]!.desired, renderVersion(renderConfig({ ...client({}, { generation: 9 }), spec }))),
    ).to.equal(true)
    expect(isSameVersion(shard.entries[0]!.desired, renderVersion(renderConfig(client())))).to.equal(false)
    expect(plan([wide], shard).kind).to.equal('keep')
  })

  it('reads back what it wrote', () => {
    const made = plan([one(), one({ name: 'other' })])
    if (made.kind !== 'write') throw new Error('expected a write')
    expect(decodeShardFile(made.file).shard).to.deep.equal(made.shard)
  })

  it('K18 writes what a client may have at APIs beside its versions, a carried one included, and keeps what is the same', () => {
    const stored = written([one({ granted: granting([['urn:a', ['read']]]) })])
    expect(plan([one({ granted: granting([['urn:a', ['read']]]) })], stored).kind).to.equal('keep')
    const made = plan([one({ ...carry, granted: granting([]) })], stored)
    if (made.kind !== 'write') throw new Error('expected a write')
    const [entry] = made.shard.entries
    expect([entry!.granted, entry!.desired]).to.deep.equal([granting([]), undefined])
    expect(entry!.accepted).to.deep.equal(stored.entries[0]!.desired)
  })

  it('K12 holds verifiers only, never a secret', () => {
    expect(
      JSON.stringify(written([one()]), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).to.not.include('a secret')
  })

  describe('keeps what is stored', () => {
    const stored = written([one()])
    const kept: readonly [sentence: string, clients: readonly ClientForShard[]][] = [
      ['when nothing changed', [one()]],
      ['when only the generation changed', [one({ verdict: desired(config('one', 2)) })]],
      ['when a version turned out to be accepted', [one(standing('accepted', first))]],
    ]
    for (const [sentence, clients] of kept) {
      it(sentence, () => {
        expect(plan(clients, stored).kind).to.equal('keep')
        expect(plan(clients, stored, { fill: 0.1 })).to.deep.equal({ kind: 'keep', refused: new Map(), fill: 0.1 })
      })
    }
    it('when it could merely drop an accepted version: the next write does that', () => {
      const edited = written([one({ verdict: desired(config('two')) })], stored)
      expect(said(edited.entries[0])).to.deep.equal({ desired: 'two', accepted: 'one' })
      const settled = one({ verdict: second, ...standing('accepted', second) })
      expect(plan([settled], edited).kind).to.equal('keep')
      const later = written([settled, one({ name: 'other' })], edited)
      expect(said(later.entries[0])).to.deep.equal({ desired: 'two', accepted: undefined })
    })
  })

  it('drops an accepted version at once that holds a name which the desired one has given up', () => {
    const api = (identifier?: string) =>
      desired(create(ClientConfigSchema, { type: 'M2M', ...(identifier ? { resourceServer: { identifier } } : {}) }))
    const named = written([one({ verdict: api('urn:a:b') })])
    const edited = written([one({ verdict: api(), ...standing('accepted', api('urn:a:b')) })], named)
    expect(edited.entries[0]!.accepted).to.not.equal(undefined)
    expect(plan([one({ verdict: api() })], edited, { fill: 0.1 }).kind).to.equal('keep')
    const settled = written([one({ verdict: api(), ...standing('accepted', api()) })], edited, { fill: 0.1 })
    expect(settled.entries[0]!.accepted).to.equal(undefined)
  })

  describe('carries the last accepted version forward', () => {
    const stored = written([one()])
    const edited = written([one({ verdict: second, ...standing('accepted', first) })], stored)
    const third = { verdict: desired(config('three')) }
    const table: readonly [
      sentence: string,
      client: ClientForShard,
      before: ClientShard,
      entry: ReturnType<typeof said>,
    ][] = [
      [
        'an accepted version becomes the one to fall back to',
        one({ ...third, ...standing('accepted', second) }),
        edited,
        { desired: 'three', accepted: 'two' },
      ],
      [
        'a rejected version never does',
        one({ ...third, ...standing('rejected', second) }),
        edited,
        { desired: 'three', accepted: 'one' },
      ],
      [
        'before anybody has answered the earlier one is safer',
        one({ ...third, ...standing('unknown', second) }),
        edited,
        { desired: 'three', accepted: 'one' },
      ],
      [
        'a denied client is served by it',
        one({ ...carry, ...standing('accepted', second) }),
        edited,
        { desired: undefined, accepted: 'two' },
      ],
      [
        'an invalid edit of a rejected one too',
        one({ ...carry, ...standing('rejected', second) }),
        edited,
        { desired: undefined, accepted: 'one' },
      ],
      [
        'what was heard of the version before says nothing of one that was stored since',
        one({ ...third, ...standing('accepted', first) }),
        edited,
        { desired: 'three', accepted: 'one' },
      ],
      [
        'nor does it make that one the only version',
        one({ verdict: second, clientId: 'portal', ...standing('accepted', first) }),
        edited,
        { desired: 'two', accepted: 'one' },
      ],
      [
        'a client that nobody accepted before has no entry',
        one({ ...carry, ...standing('rejected', first) }),
        stored,
        undefined,
      ],
      ['a re-created client inherits nothing', one({ ...carry, uid: 'u2' }), edited, undefined],
    ]
    for (const [sentence, client, before, entry] of table) {
      it(sentence, () => {
        expect(said(written([client], before).entries[0])).to.deep.equal(entry)
      })
    }
    it('under the id that it was accepted with, whatever the object says now', () => {
      const portal = written([one({ clientId: 'portal' })])
      const unread = written([one({ ...carry, clientId: 'demo.app' }), one({ name: 'other' })], portal)
      expect(unread.entries[0]!.clientId).to.equal('portal')
    })
    it('and rotates its secret all the same', () => {
      const denied = written([one({ ...carry, ...standing('accepted', second) })], edited)
      const rotated = written(
        [one({ ...carry, verifiers: [{ id: 'ffffffff', sha256: 'f'.repeat(64) }, verifier] })],
        denied,
      )
      expect(said(rotated.entries[0])).to.deep.equal({ desired: undefined, accepted: 'two' })
      expect(rotated.entries[0]!.verifiers.map(({ id }) => id)).to.deep.equal(['ffffffff', verifier.id])
    })
  })

  it('remembers by their ids the secrets that the entry no longer has, and forgets one that is valid again', () => {
    const day = 20_000
    const now = day * 86_400_000
    const next = { id: 'bbbbbbbb', sha256: 'b'.repeat(64) }
    const entryAfter = (verifiers: ClientForShard['verifiers'], stored: ShardEntry | undefined) =>
      plannedEntry(one({ verifiers, now }), stored)!
    const minted = entryAfter([verifier], undefined)
    const rotated = entryAfter([next], minted)
    expect(rotated.ended).to.deep.equal({ [verifier.id]: day })
    expect(entryAfter([], rotated).ended, 'when no secret can be read').to.deep.equal(rotated.ended)
    expect(entryAfter([verifier], rotated).ended).to.deep.equal({ bbbbbbbb: day })
    expect(isUnchanged(one({ verifiers: [next], now: now + 1_000_000_000 }), rotated)).to.equal(true)
  })

  describe('seq rises', () => {
    const stored = { ...written([one()]), seq: 500n }
    const next = [one({ clientId: 'other' })]
    const table: readonly [
      sentence: string,
      stored: ClientShard | undefined,
      seen: bigint,
      start: bigint,
      seq: bigint,
    ][] = [
      ['from the stored one', stored, 0n, 0n, 501n],
      ['from what a replica has seen, when the shard is lost', undefined, 700n, 0n, 701n],
      ['from the start of the operator, when all is lost', undefined, 0n, 1_790_000_000n, 1_790_000_001n],
      ['past what a replica has seen, when an older copy was restored', stored, 900n, 0n, 901n],
    ]
    for (const [sentence, before, highestSeen, startSeconds, seq] of table) {
      it(sentence, () => {
        expect(written(next, before, { seq: { highestSeen, startSeconds } }).seq).to.equal(seq)
      })
    }
    it('F37 an older copy that says the same is written again, since replicas have seen a later one', () => {
      expect(plan([one()], stored, { seq: { highestSeen: 900n, startSeconds: 0n }, fill: 0.1 }).kind).to.equal('write')
    })
  })

  describe('F22 a shard that is full', () => {
    const wide = (name: string, createdAt: number, size: number): ClientForShard => {
      let text = ''
      for (let count = 0; text.length < size; count++) text += digestOf(`${name} ${count}`)
      return one({
        name,
        createdAt,
        verdict: desired(create(ClientConfigSchema, { type: 'M2M', description: text })),
      })
    }
    const names = (shard: ClientShard): string[] => shard.entries.map(({ name }) => name)
    const limits = { file: 10_000, plain: 1_000_000 }

    it('refuses the one that no longer fits, and takes a smaller one after it', () => {
      const clients = [wide('a', 1, 6_000), wide('b', 2, 30_000), wide('c', 3, 1_000)]
      const made = plan(clients, undefined, { limits })
      expect([...made.refused]).to.deep.equal([['demo/b', 'shard']])
      expect(made.kind === 'write' && names(made.shard)).to.deep.equal(['a', 'c'])
      expect(made.fill).to.be.within(0.3, 1)
    })
    it('keeps the stored version of a client that grew too wide, and still rotates its secret', () => {
      const stored = written([wide('a', 1, 3_000), wide('b', 2, 3_000)], undefined, { limits })
      const grown = { ...wide('a', 1, 60_000), verifiers: [{ id: 'ffffffff', sha256: 'f'.repeat(64) }] }
      const made = plan([grown, wide('b', 2, 3_000)], stored, { limits })
      expect([...made.refused.keys()]).to.deep.equal(['demo/a'])
      if (made.kind !== 'write') throw new Error('expected a write')
      expect(decodeClient(made.shard.entries[0]!).desired!.description).to.have.length.below(4_000)
      expect(made.shard.entries[0]!.verifiers[0]!.id).to.equal('ffffffff')
    })
    it('K18 takes away what is withdrawn from a client that grew too wide, and adds nothing', () => {
      const granted = (...apis: [string, string[]][]) => granting(apis)
      const [read, both] = [granted(['urn:a', ['read']], ['urn:b', []]), granted(['urn:a', ['read', 'write']])]
      const stored = written([{ ...wide('a', 1, 3_000), granted: both }], undefined, { limits })
      const made = plan([{ ...wide('a', 1, 60_000), granted: read }], stored, { limits })
      expect([...made.refused.keys()]).to.deep.equal(['demo/a'])
      if (made.kind !== 'write') throw new Error('expected a write')
      expect(made.shard.entries[0]!.granted).to.deep.equal(granted(['urn:a', ['read']]))
    })
    it('K18 takes away types of authorization details likewise', () => {
      const typed = (...authorizationDetailsTypes: string[]) =>
        create(GrantedSchema, { apis: [{ identifier: 'urn:a', scopes: [], authorizationDetailsTypes }] })
      const stored = written([{ ...wide('a', 1, 3_000), granted: typed('payment', 'statement') }], undefined, {
        limits,
      })
      const made = plan([{ ...wide('a', 1, 60_000), granted: typed('payment', 'mortgage') }], stored, { limits })
      expect(made.kind === 'write' && made.shard.entries[0]!.granted).to.deep.equal(typed('payment'))
    })
    it('stops and narrows a client that grew too wide', () => {
      const stored = written([wide('a', 1, 3_000)], undefined, { limits })
      const restraint = create(RestraintSchema, {
        suspended: true,
        allowedGroups: ['staff'],
        leastAcr: 'urn:nauthera:mfa',
      })
      const made = plan([{ ...wide('a', 1, 60_000), restraint }], stored, { limits })
      expect(made.kind === 'write' && made.shard.entries[0]!.restraint).to.deep.equal(restraint)
      expect(made.kind === 'write' && made.shard.entries[0]!.desired).to.deep.equal(stored.entries[0]!.desired)
    })
    it('lets nobody in where there is no room for a long list of groups: to leave it out would let in everybody', () => {
      const stored = written([wide('a', 1, 3_000)], undefined, { limits })
      const restraint = create(RestraintSchema, { allowedGroups: Array.from({ length: 40 }, (_, at) => `group-${at}`) })
      const made = plan([{ ...wide('a', 1, 60_000), restraint }], stored, { limits })
      expect(made.kind === 'write' && made.shard.entries[0]!.restraint?.allowedGroups).to.deep.equal([noGroup])
    })
    it('keeps a long list of groups that is stored, and takes from it who may no longer sign in', () => {
      const groups = Array.from({ length: 40 }, (_, at) => `group-${at}`)
      const restraint = create(RestraintSchema, { allowedGroups: groups })
      const stored = written([{ ...wide('a', 1, 3_000), restraint }], undefined, { limits })
      const heldUnder = (allowedGroups: string[]) => {
        const wanted = create(RestraintSchema, { allowedGroups })
        const made = plan([{ ...wide('a', 1, 60_000), restraint: wanted }], stored, { limits })
        expect([...made.refused.keys()]).to.deep.equal(['demo/a'])
        return made.kind === 'write' ? made.shard.entries[0]!.restraint?.allowedGroups : 'kept'
      }
      expect(heldUnder(groups)).to.equal('kept')
      expect(heldUnder(groups.slice(1))).to.deep.equal(groups.slice(1))
      const more = Array.from({ length: 40 }, (_, at) => `another-group-${at}`)
      expect(heldUnder([...groups.slice(2), ...more]), 'no room for more').to.deep.equal(groups.slice(2))
      expect(heldUnder([...more, ...more.map((group) => `${group}-b`)])).to.deep.equal([noGroup])
    })
    it('K18 says what is granted also where nothing was said before: without it a server would give more', () => {
      const stored = written([wide('a', 1, 3_000)], undefined, { limits })
      const made = plan([{ ...wide('a', 1, 60_000), granted: granting([]) }], stored, { limits })
      expect(made.kind === 'write' && made.shard.entries[0]!.granted).to.deep.equal(granting([]))
    })
    it('T30 follows a namespace that was made anew, and names no further one', () => {
      const aged = (size: number, accountsSince: ClientForShard['accountsSince']) => ({
        ...wide('a', 1, size),
        accountsSince,
      })
      const stored = written([aged(3_000, { demo: 1_000 })], undefined, { limits })
      const made = plan([aged(60_000, { demo: 9_000, other: 9_000 })], stored, { limits })
      expect(made.kind === 'write' && accountsSinceOf(made.shard.entries[0]!)).to.deep.equal({ demo: 9_000 })
    })
    it('an older client keeps its place', () => {
      const stored = written([wide('old', 1, 9_000)], undefined, { limits })
      const made = plan([wide('new', 2, 15_000), wide('old', 1, 9_000)], stored, { limits })
      expect([...made.refused.keys()]).to.deep.equal(['demo/new'])
    })
    it('still takes what makes a client smaller', () => {
      const stored = written([wide('a', 1, 9_000), wide('b', 2, 9_000)], undefined, { limits })
      const smaller = { ...wide('b', 2, 2_000), ...standing('accepted', wide('b', 2, 9_000).verdict) }
      const made = plan([wide('a', 1, 9_000), smaller, wide('c', 3, 9_000)], stored, { limits })
      expect([...made.refused.keys()]).to.deep.equal(['demo/c'])
    })
    it('still takes a change that needs as much room as what is stored', () => {
      const named = (clientId: string): ClientForShard => one({ name: 'a', createdAt: 2, clientId })
      const others = [wide('b', 1, 9_000)]
      const stored = written([named('demo.one'), ...others])
      const { file } = renderShardFile(stored)
      const made = plan([named('demo.two'), ...others, wide('c', 3, 9_000)], stored, {
        limits: { file: file.length + 100, plain: 1_000_000 },
      })
      expect([...made.refused.keys()]).to.deep.equal(['demo/c'])
      const changed = made.kind === 'write' ? made.shard.entries.find(({ name }) => name === 'a') : undefined
      expect(changed?.clientId).to.equal('demo.two')
    })
    it('takes no change for a smaller one that is shorter and compresses worse: others get the room', () => {
      const dull = (letter: string): ClientForShard =>
        one({
          name: 'a',
          createdAt: 1,
          verdict: desired(create(ClientConfigSchema, { type: 'M2M', description: letter.repeat(9_000) })),
        })
      const others = [wide('b', 2, 3_000)]
      const before = written([dull('x'), ...others])
      const stored = written([dull('y'), ...others], before)
      const shorter = { ...wide('a', 1, 3_000), ...standing('accepted', dull('y').verdict) }
      const made = plan([shorter, ...others, one({ name: 'c', createdAt: 3 })], stored, {
        limits: { file: renderShardFile(stored).file.length + 600, plain: 1_000_000 },
      })
      expect([...made.refused.keys()]).to.deep.equal(['demo/a'])
      expect(made.kind === 'write' && names(made.shard)).to.deep.equal(['a', 'b', 'c'])
    })
    it('holds no more plain bytes than readers take, however well they compress', () => {
      const dull = (name: string, createdAt: number): ClientForShard =>
        one({
          name,
          createdAt,
          verdict: desired(create(ClientConfigSchema, { type: 'M2M', description: 'a'.repeat(2_000) })),
        })
      const clients = Array.from({ length: 20 }, (_, index) => dull(`c${index}`, index))
      const made = plan(clients, undefined, { limits: { file: 700_000, plain: 20_000 } })
      if (made.kind !== 'write') throw new Error('expected a write')
      expect(gunzipSync(made.file).length).to.be.below(20_000)
      expect(made.refused.size).to.be.within(10, 14)
    })
    it('K19 is compressed a few times, however many clients do not fit', () => {
      const clients = Array.from({ length: 300 }, (_, index) => wide(`c${index}`, index, 12_000)).map(
        (client, index) => ({
          ...client,
          namespace: `team-${index % 40}`,
        }),
      )
      const stored = written(clients.slice(0, 10))
      const cpu = process.cpuUsage()
      const made = plan(clients, stored, { limits: { file: 100_000, plain: 15_000_000 } })
      const { user, system } = process.cpuUsage(cpu)
      expect(made.refused.size).to.be.above(250)
      // 300 compressions of this file take a minute
      expect((user + system) / 1e6).to.be.below(5)
    })
  })

  describe('K19 a namespace', () => {
    const quota = 10_000
    const of = (namespace: string, name: string, createdAt: number, size: number): ClientForShard => {
      let text = ''
      for (let count = 0; text.length < size; count++) text += digestOf(`${namespace} ${name} ${count}`)
      const version = desired(create(ClientConfigSchema, { type: 'M2M', description: text }))
      return one({ namespace, name, createdAt, namespaceBytes: quota, verdict: version })
    }
    const keys = (made: ShardPlan) =>
      made.kind === 'write' ? made.shard.entries.map(({ namespace, name }) => `${namespace}/${name}`) : []

    it('that fills its share of the shard has its own youngest refused, and nobody else', () => {
      const greedy = Array.from({ length: 6 }, (_, index) => of('greedy', `g${index}`, index, 5_000))
      const late = of('other', 'late', 99, 6_000)
      const made = plan([...greedy, late])
      expect([...made.refused]).to.deep.equal([3, 4, 5].map((index) => [`greedy/g${index}`, 'namespace']))
      expect(keys(made)).to.deep.equal(['greedy/g0', 'greedy/g1', 'greedy/g2', 'other/late'])
    })
    it('of a joined cluster has its share, and so has a joined cluster as a whole', () => {
      const edge = 'nauthera-cluster-edge'
      const mirror = (name: string, createdAt: number) => ({
        ...of(edge, name, createdAt, 5_000),
        clusterBytes: 14_000,
      })
      const mirrors = ['a.1', 'a.2', 'a.3', 'a.4', 'b.1', 'b.2', 'c.1'].map((name, index) => mirror(name, index))
      const made = plan([...mirrors, of('other', 'late', 99, 6_000)])
      const refused = Object.fromEntries(made.refused)
      expect(refused[`${edge}/a.4`], 'its tenant').to.equal('namespace')
      expect(refused[`${edge}/c.1`], 'its cluster').to.equal('cluster')
      expect(refused[`${edge}/b.1`], 'another tenant of the cluster').to.equal(undefined)
      expect(keys(made)).to.include('other/late')
    })
    it('keeps what is stored of it when a policy lowers its share, and what makes it smaller is taken', () => {
      const before = [of('team', 'a', 1, 6_000), of('team', 'b', 2, 6_000)]
      const stored = written(before)
      const [a, b] = before.map((client) => ({
        ...client,
        namespaceBytes: 2_000,
        ...standing('accepted', client.verdict),
      })) as [ClientForShard, ClientForShard]
      expect(plan([a, b], stored).refused.size).to.equal(0)
      expect([...plan([a, { ...b, verdict: of('team', 'b', 2, 7_000).verdict }], stored).refused.keys()]).to.deep.equal(
        ['team/b'],
      )
      const gone = { ...b, verdict: { kind: 'carry' } as const }
      expect(plan([a, gone], stored).refused.size).to.equal(0)
    })
    it('counts a text that compresses well by a sixteenth of its length', () => {
      const dull = (index: number) => {
        const text = 'a'.repeat(15_000)
        return one({
          namespace: 'dull',
          name: `d${String(index).padStart(2, '0')}`,
          createdAt: index,
          namespaceBytes: quota,
          verdict: desired(create(ClientConfigSchema, { type: 'M2M', description: text })),
        })
      }
      const made = plan(Array.from({ length: 20 }, (_, index) => dull(index)))
      expect(made.refused.size).to.be.within(8, 12)
    })
    it('rotates the secret of a client that is refused', () => {
      const stored = written([of('team', 'a', 1, 6_000)])
      const verifiers = [{ id: 'ffffffff', sha256: 'f'.repeat(64) }, verifier]
      const made = plan([{ ...of('team', 'a', 1, 40_000), verifiers }], stored)
      expect([...made.refused.keys()]).to.deep.equal(['team/a'])
      expect(made.kind === 'write' && made.shard.entries[0]!.verifiers[0]!.id).to.equal('ffffffff')
    })
    it('whose refused clients are edited causes no write and no compression', () => {
      const stored = written([of('team', 'a', 1, 9_000)])
      const made = plan([of('team', 'a', 1, 9_000), of('team', 'b', 2, 9_000)], stored, { fill: 0.1 })
      // 0.1 is handed on, not measured
      expect(made).to.deep.equal({ kind: 'keep', refused: new Map([['team/b', 'namespace']]), fill: 0.1 })
    })
    it('property: whatever the clients and their order, no namespace changes what is refused of another', () => {
      const anyClients = fc.uniqueArray(
        fc.record({
          namespace: fc.constantFrom('red', 'green', 'blue'),
          name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
          createdAt: fc.nat(3),
          size: fc.constantFrom(100, 3_000, 9_000, 20_000),
        }),
        { selector: ({ namespace, name }) => `${namespace}/${name}`, maxLength: 12 },
      )
      fc.assert(
        fc.property(anyClients, fc.nat(4), (made, storedCount) => {
          const clients = made.map(({ namespace, name, createdAt, size }) => of(namespace, name, createdAt, size))
          const before = clients.slice(0, storedCount)
          const stored = before.length > 0 ? written(before) : undefined
          const all = plan(clients, stored)
          for (const namespace of ['red', 'green', 'blue']) {
            const isOwn = (one: { namespace: string }) => one.namespace === namespace
            const ownStored = stored && { ...stored, entries: stored.entries.filter(isOwn) }
            const alone = plan(clients.filter(isOwn), ownStored)
            expect([...all.refused.keys()].filter((key) => key.startsWith(`${namespace}/`))).to.deep.equal([
              ...alone.refused.keys(),
            ])
          }
        }),
        { numRuns: propertyRuns(60) },
      )
    })
  })

  it('names what has changed, what is gone included', () => {
    const stored = written([one({ name: 'a' }), one({ name: 'b' })])
    const made = plan([one({ name: 'a', clientId: 'x' }), one({ name: 'c' })], stored)
    expect(made.kind === 'write' && made.changed).to.deep.equal(['demo/a', 'demo/b', 'demo/c'])
  })
})
