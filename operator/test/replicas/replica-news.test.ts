import { expect } from 'chai'
import { shardCount } from '@nauthera/proto/names'
import { newsBetween, nothingHeard, viewOf } from '../../src/replicas/replica-news.ts'
import type { Replica } from '../../src/replicas/replica-state.ts'

const everyShard = Array.from({ length: shardCount }, (_, shard) => shard)
const replica = (name: string, more: Partial<Replica> = {}): Replica => ({
  replica: name,
  uid: `uid-${name}`,
  absentMs: 0,
  joining: false,
  reachable: true,
  serverConnected: true,
  defaults: undefined,
  tellsUses: true,
  live: everyShard.map((shard) => ({ shard, seq: 2n })),
  rejected: [],
  ...more,
})
const rejects = (name: string, more: { generation?: bigint; code?: string; message?: string } = {}) => ({
  rejected: [{ namespace: 'apps', name, generation: 1n, field: 'redirect_uris', code: 'X', message: 'bad', ...more }],
})
const at = (moved: number) => ({
  live: everyShard.map((shard) => ({ shard, seq: shard === moved ? 3n : 2n })),
})
const none = { shards: [], clients: [], settled: [], everybody: false }
const defaults = { accessTokenTtl: 300, idTokenTtl: 600, refreshTokenTtl: 900, idTokenSignedResponseAlg: 'RS256' }
const behind = (shard: number) => ({
  live: everyShard.map((one) => ({ shard: one, seq: one === shard ? 1n : 2n })),
})
/** Of each shard. */
const storedSeq = () => 2

const rows: readonly [sentence: string, before: Replica[], now: Replica[], news: ReturnType<typeof newsBetween>][] = [
  ['nothing, when all say the same', [replica('a')], [replica('a')], none],
  [
    'a shard that moved at one replica',
    [replica('a'), replica('b')],
    [replica('a'), replica('b', at(3))],
    { ...none, shards: [3] },
  ],
  ['every shard, when a replica came', [replica('a')], [replica('a'), replica('b')], { ...none, shards: everyShard }],
  ['every shard, when a replica went', [replica('a'), replica('b')], [replica('a')], { ...none, shards: everyShard }],
  [
    'every shard, when a replica is another pod',
    [replica('a')],
    [replica('a', { uid: 'u' })],
    { ...none, shards: everyShard },
  ],
  ['a client that is rejected now', [replica('a')], [replica('a', rejects('x'))], { ...none, clients: ['apps/x'] }],
  [
    'a client that is no longer rejected',
    [replica('a', rejects('x'))],
    [replica('a')],
    { ...none, clients: ['apps/x'] },
  ],
  [
    'a client of which another version is rejected',
    [replica('a', rejects('x'))],
    [replica('a', rejects('x', { generation: 2n }))],
    { ...none, clients: ['apps/x'] },
  ],
  [
    'a client that is rejected for another reason of the same kind: its name went from one to the next',
    [replica('a', rejects('x', { message: 'the client id is taken by apps/y' }))],
    [replica('a', rejects('x', { message: 'the client id is taken by apps/z' }))],
    { ...none, clients: ['apps/x'] },
  ],
  ['nothing, when a rejection stays', [replica('a', rejects('x'))], [replica('a', rejects('x'))], none],
  [
    'everybody, when a replica has been away for longer than a restart takes',
    [replica('a', { absentMs: 14_999, serverConnected: false })],
    [replica('a', { absentMs: 15_000, serverConnected: false })],
    { ...none, shards: everyShard, everybody: true },
  ],
  [
    'everybody, when a client that leaves something open gets something else',
    [replica('a')],
    [replica('a', { defaults })],
    { ...none, everybody: true },
  ],
  ['everybody, when the last replica is gone', [replica('a')], [], { ...none, shards: everyShard, everybody: true }],
  ['everybody, when the first replica is there', [], [replica('a')], { ...none, shards: everyShard, everybody: true }],
  [
    'those who were live everywhere in a shard of which a new replica has less than is stored',
    [replica('a')],
    [replica('a'), replica('b', behind(3))],
    { ...none, shards: everyShard, settled: [3] },
  ],
  [
    'nobody who was live everywhere, while the server of a new replica loads: it takes no requests yet',
    [replica('a')],
    [replica('a'), replica('b', { live: [], absentMs: 1_000, joining: true })],
    { ...none, shards: everyShard },
  ],
  [
    'those who were live everywhere in a shard of which a replica has less than is stored when it has loaded',
    [replica('a'), replica('b', { live: [], absentMs: 1_000, joining: true })],
    [replica('a'), replica('b', behind(3))],
    { ...none, shards: everyShard, settled: [3] },
  ],
  [
    'everybody, when its server has been loading for too long',
    [replica('a'), replica('b', { absentMs: 59_999, joining: true })],
    [replica('a'), replica('b', { ...behind(3), absentMs: 60_000, joining: true })],
    { ...none, shards: everyShard, settled: [3], everybody: true },
  ],
  [
    'everybody, when such a server is gone again',
    [replica('a'), replica('b', { absentMs: 60_000, joining: true })],
    [replica('a'), replica('b', { absentMs: 61_000, joining: true, serverConnected: false, live: [] })],
    { ...none, shards: everyShard, everybody: true },
  ],
  [
    'the same of a replica that went back',
    [replica('a')],
    [replica('a', behind(3))],
    { ...none, shards: [3], settled: [3] },
  ],
  [
    'nothing of that for a replica that is behind the newest write and has lost nothing',
    [replica('a', behind(3))],
    [replica('a', behind(3))],
    none,
  ],
]

describe('newsBetween', () => {
  for (const [sentence, before, now, news] of rows) {
    it(`tells ${sentence}`, () => expect(newsBetween(viewOf(before), viewOf(now), storedSeq)).to.deep.equal(news))
  }

  it('reports every shard when a replica speaks for the first time', () => {
    expect(newsBetween(nothingHeard, viewOf([replica('a')]), storedSeq).shards).to.deep.equal(everyShard)
  })
})
