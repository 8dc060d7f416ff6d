import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { createFollowReplicas } from '../../src/replicas/follow-replicas.ts'
import type { Replica } from '../../src/replicas/replica-state.ts'

const now = Date.UTC(2026, 5, 1, 12)
const clients = 1_600
const keys = Array.from({ length: clients }, (_, index) => `apps/client-${index}`)
const shardOfKey = (key: string) => shardOf('apps', key.slice('apps/'.length))
const everyShard = Array.from({ length: shardCount }, (_, shard) => shard)

describe('createFollowReplicas', () => {
  let replicas: Replica[]
  let asked: string[]
  let follow: ReturnType<typeof createFollowReplicas>
  /** Clients that their shard has no longer. */
  let gone: Set<string>
  let configSeq: number
  let verifierSeqs: Record<string, number>
  let verifiers: readonly string[]
  let end: Date | undefined

  const replica = (name: string, more: Partial<Replica> = {}): Replica => ({
    replica: name,
    uid: `uid-${name}`,
    absentMs: 0,
    joining: false,
    reachable: true,
    serverConnected: true,
    defaults: undefined,
    tellsUses: true,
    live: everyShard.map((shard) => ({ shard, seq: 1n })),
    rejected: [],
    ...more,
  })
  /** The replica says something else from now on. */
  const say = (name: string, more: Partial<Replica>) => {
    replicas = replicas.map((one) => (one.replica === name ? { ...one, ...more } : one))
    hear()
  }
  /** Who is to be looked at for what the replicas say now. */
  const hear = () => void asked.push(...follow.changed().keys)
  const withLive = (name: string, shard: number, seq: bigint): Partial<Replica> => ({
    live: replicas
      .find((one) => one.replica === name)!
      .live.map((ref) => (ref.shard === shard ? { ...ref, seq } : ref)),
  })

  beforeEach(() => {
    replicas = [replica('a'), replica('b')]
    asked = []
    gone = new Set()
    configSeq = 2
    verifierSeqs = {}
    verifiers = []
    end = undefined
    follow = createFollowReplicas({
      replicas: { list: () => replicas },
      shards: {
        wake: () => {},
        seq: () => (gone.size > 0 ? 3 : 1),
        stored: (key) =>
          gone.has(key)
            ? undefined
            : {
                entry: create(ShardEntrySchema, {
                  uid: key,
                  verifiers: verifiers.map((id) => ({ id, ...(end && { notAfter: timestampFromDate(end) }) })),
                }),
                entrySeq: 2,
                configSeq,
                verifierSeqs,
                shard: shardOfKey(key),
              },
      },
    })
    hear()
    for (const key of keys) follow.record(key, false)
    asked = []
  })

  describe('the secrets of a client', () => {
    const [key] = keys
    const shard = shardOfKey(key!)
    const has = (name: string, seq: bigint) => say(name, withLive(name, shard, seq))

    it('are taken by all when every replica has the shard that brought them', () => {
      verifierSeqs = { aaaaaaaa: 2, bbbbbbbb: 3 }
      for (const name of ['a', 'b']) has(name, 2n)
      const accepts = () => ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'].map((id) => follow.accepts(key!, id))
      expect(accepts()).to.deep.equal([true, false, false])
      has('a', 3n)
      expect(accepts(), 'one replica lacks it').to.deep.equal([true, false, false])
      has('b', 3n)
      expect(accepts()).to.deep.equal([true, true, false])
      configSeq = 4
      expect(accepts(), 'another version of the client is on its way').to.deep.equal([true, true, false])
    })

    it('are taken by nobody without a replica', () => {
      verifierSeqs = { aaaaaaaa: 1 }
      replicas = []
      expect(follow.accepts(key!, 'aaaaaaaa')).to.equal(false)
    })

    it('stay taken while a replica restarts, and a new one is not taken meanwhile', () => {
      verifierSeqs = { aaaaaaaa: 3 }
      for (const name of ['a', 'b']) has(name, 3n)
      follow.record(key!, true, ['aaaaaaaa'])
      verifierSeqs = { aaaaaaaa: 3, bbbbbbbb: 4 }
      say('b', { serverConnected: false, live: [], absentMs: 1 })
      expect(['aaaaaaaa', 'bbbbbbbb'].map((id) => follow.accepts(key!, id))).to.deep.equal([true, false])
      expect(follow.config(key!, ['aaaaaaaa'])?.accepted).to.equal(true)
      expect(follow.config(key!, ['bbbbbbbb'])?.accepted).to.equal(false)
    })

    it('are refused by all when what is stored has them no more and every replica has that', () => {
      const refuses = () => follow.refuses(key!, 'aaaaaaaa', now)
      verifiers = ['aaaaaaaa']
      for (const name of ['a', 'b']) has(name, 2n)
      expect(refuses(), 'it is stored').to.equal(false)
      verifiers = []
      has('b', 1n)
      expect(refuses(), 'one replica has the entry before').to.equal(false)
      has('b', 2n)
      expect(refuses()).to.equal(true)
      say('b', { reachable: false })
      expect(refuses(), 'nobody knows what a silent replica accepts').to.equal(false)
    })

    it('are refused by all at their own end, which what is stored says and every replica has', () => {
      const refuses = () => follow.refuses(key!, 'aaaaaaaa', now)
      verifiers = ['aaaaaaaa']
      end = new Date(now + 1)
      for (const name of ['a', 'b']) has(name, 2n)
      expect(refuses()).to.equal(false)
      end = new Date(now)
      expect(refuses()).to.equal(true)
      has('b', 1n)
      expect(refuses(), 'one replica has the entry before, with another end').to.equal(false)
    })

    it('are refused by all when the client is gone and no replica has what was before', () => {
      follow.entry(key!)
      gone.add(key!)
      expect(follow.refuses(key!, 'aaaaaaaa', now)).to.equal(false)
      for (const name of ['a', 'b']) has(name, 3n)
      expect(follow.refuses(key!, 'aaaaaaaa', now)).to.equal(true)
    })

    it('count with the version that needs them', () => {
      verifierSeqs = { aaaaaaaa: 3 }
      for (const name of ['a', 'b']) has(name, 2n)
      expect(follow.config(key!)?.accepted).to.equal(true)
      expect(follow.config(key!, ['aaaaaaaa'])?.accepted, 'the secret is not there yet').to.equal(false)
    })
  })

  it('asks for a client only when its own shard moves: a first load of n clients costs n looks a replica', () => {
    for (const shard of everyShard) {
      for (const name of ['a', 'b']) {
        const before = asked.length
        say(name, withLive(name, shard, 2n))
        expect(asked.slice(before).sort()).to.deep.equal(keys.filter((key) => shardOfKey(key) === shard).sort())
      }
    }
    expect(asked.length).to.equal(2 * clients)
  })

  it('asks for no client when a replica says the same again, or reports only uses', () => {
    for (let update = 0; update < 100; update++) hear()
    expect(asked).to.deep.equal([])
  })

  it('asks for no client that is live everywhere', () => {
    for (const key of keys) follow.record(key, true)
    for (const shard of everyShard) say('a', withLive('a', shard, 2n))
    expect(asked).to.deep.equal([])
  })

  for (const [what, change] of [
    ['came', () => replicas.push(replica('c'))],
    ['went', () => replicas.pop()],
    ['is another pod of that name', () => (replicas[1] = replica('b', { uid: 'other' }))],
    ['answers no more', () => (replicas[1] = replica('b', { reachable: false }))],
    ['lost its server', () => (replicas[1] = replica('b', { serverConnected: false }))],
  ] as const) {
    it(`asks for everybody who waits when a replica ${what}`, () => {
      change()
      hear()
      expect(asked.sort()).to.deep.equal([...keys].sort())
    })
  }

  it('I9 counts a replica that has not read a removal as serving the client, and no other', () => {
    const [key] = keys as [string]
    const shard = shardOfKey(key)
    expect(follow.served(key), 'what came before serves').to.deep.equal({ loaded: 2, total: 2 })
    for (const name of ['a', 'b']) say(name, withLive(name, shard, 2n))
    expect(follow.entry(key)?.loaded).to.equal(2)
    expect(follow.served(key)).to.deep.equal({ loaded: 2, total: 2 })
    gone.add(key)
    expect(follow.served(key), 'both have it still').to.deep.equal({ loaded: 2, total: 2 })
    say('a', withLive('a', shard, 3n))
    expect(follow.served(key)).to.deep.equal({ loaded: 1, total: 2 })
    say('b', withLive('b', shard, 3n))
    expect(follow.served(key)).to.deep.equal({ loaded: 0, total: 2 })
    gone.add(keys[1]!)
    expect(follow.served(keys[1]!), 'one that was never seen in its shard').to.deep.equal({ loaded: 0, total: 2 })
  })

  it('says that a replica is behind only while it lacks the version: nobody is woken when it reads newer secrets', () => {
    const [key] = keys as [string]
    expect(follow.behind(key)).to.deep.equal(['a', 'b'])
    configSeq = 1
    expect(follow.config(key)?.accepted).to.equal(true)
    expect(follow.behind(key)).to.deep.equal([])
  })

  it('asks for a client when a replica begins to reject it, and when it ends that', () => {
    const [key] = keys as [string]
    follow.record(key, true)
    const rejected = [
      { namespace: 'apps', name: key.slice('apps/'.length), generation: 1n, field: '', code: 'X', message: '' },
    ]
    say('a', { rejected })
    expect(asked).to.deep.equal([key])
    say('a', { rejected: [] })
    expect(asked).to.deep.equal([key, key])
  })

  it('asks again for a client that is being looked at when its shard moves', () => {
    const [key] = keys as [string]
    follow.record(key, true)
    follow.start(key)
    say('a', withLive('a', shardOfKey(key), 2n))
    expect(asked).to.include(key)
  })

  it('asks for every client when a replica is away for longer than a restart takes', () => {
    const isEverybody = (more: Partial<Replica>) => {
      replicas[1] = replica('b', { serverConnected: false, ...more })
      return follow.changed().everybody
    }
    expect(isEverybody({ absentMs: 14_999 })).to.equal(false)
    expect(isEverybody({ absentMs: 15_000 })).to.equal(true)
    expect(isEverybody({ absentMs: 20_000 })).to.equal(false)
    expect(isEverybody({ absentMs: 0, serverConnected: true })).to.equal(true)
  })

  describe('config', () => {
    const away: [sentence: string, more: Partial<Replica>, isSettled: boolean, isLive: boolean][] = [
      ['restarts', { absentMs: 14_999 }, true, true],
      ['is away for longer', { absentMs: 15_000 }, true, false],
      ['is a new pod that starts', { absentMs: 59_999, joining: true }, true, true],
      ['is a new pod that does not start', { absentMs: 60_000, joining: true }, true, false],
      ['restarts before the version was live everywhere', { absentMs: 1 }, false, false],
    ]
    for (const [sentence, more, isSettled, isLive] of away) {
      it(`says what counts of a replica that ${sentence}`, () => {
        const [key] = keys as [string]
        replicas = ['a', 'b'].map((name) => replica(name, withLive(name, shardOfKey(key), 2n)))
        follow.record(key, isSettled)
        replicas[1] = replica('b', { reachable: false, serverConnected: false, live: [], ...more })
        expect(follow.config(key)?.applied).to.equal(isLive)
        expect(follow.entry(key)?.applied, 'a rotation excuses nobody').to.equal(false)
      })
    }
  })

  describe('isBehind', () => {
    it('holds for a replica that lacks a stored shard, and for none that is not followed', () => {
      expect(follow.isBehind('a')).to.equal(false)
      say('a', withLive('a', 3, 0n))
      expect(follow.isBehind('a')).to.equal(true)
      expect(follow.isBehind('b')).to.equal(false)
      expect(follow.isBehind('unknown')).to.equal(false)
    })
  })
})
