import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { shardSchema } from '@nauthera/proto/names'
import { create } from '@bufbuild/protobuf'
import { randomBytes } from 'node:crypto'
import { renderVersion } from '@nauthera/proto/client-version'
import { ClientConfigSchema, RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { ShardState } from '../../src/shards/shard-state.ts'
import type { BegunTurn } from '../../src/shards/shard-state.ts'
import { everybody, home, names, secretWith, version, wanted, written } from './wanted.ts'

const [first, second] = names as [string, string]
const key = (name: string) => `apps/${name}`
const decideWaitMs = 60_000

describe('ShardState', () => {
  let state: ShardState
  const waitMs = (now: number, isJoined = false) => state.waitMs(now, { decideWaitMs, isJoined })
  const begin = (now: number, highestSeen = 0n): BegunTurn =>
    state.startTurn({
      highestSeen,
      startSeconds: 0n,
      epochMs: 0,
      now,
      spacingMs: 1_000,
      change: 'c7f2',
    })
  /** A whole turn, and the write succeeds. @returns the shard that was written */
  const write = (now: number, highestSeen = 0n) => {
    const { plan, fresh } = begin(now, highestSeen)
    if (plan.kind !== 'write') throw new Error('expected a write')
    const { shard, digest, file } = plan
    const changed = state.written({ secret: secretWith(file), shard, digest }, fresh)
    state.end()
    return { shard, changed, fresh }
  }
  const versionOf = (clientName: string) => renderVersion(create(ClientConfigSchema, { clientName })).config
  const textOf = (name: string) => state.stored.entries.get(key(name))?.entry.desired?.config

  /** Both clients are stored under seq 101, at time 0. */
  const store = () => {
    state = new ShardState(home)
    state.load(undefined, everybody)
    state.open([first, second].map(key), 0)
    for (const name of [first, second]) state.setClient(wanted(name))
    write(0, 100n)
  }
  beforeEach(store)

  describe('load', () => {
    it('says when a Secret is there but cannot be read', () => {
      expect(new ShardState(home).load(undefined, everybody).unreadable).to.equal(false)
      expect(new ShardState(home).load(secretWith(Buffer.from('x')), everybody).unreadable).to.equal(true)
      expect(new ShardState(home).load(written([], 1n).secret, everybody).unreadable).to.equal(false)
    })
  })

  it('K1 says which stored clients leave with the next write, until one with an entry is put under that name', () => {
    const leaving = () => [first, second].filter((name) => state.isLeaving(key(name)))
    expect(leaving()).to.deep.equal([])
    for (const name of [first, second]) state.remove(key(name))
    expect(leaving()).to.deep.equal([first, second])
    // one that is made anew and refused has no version of before: nothing will be stored of it
    for (const name of [first, second]) state.setClient(wanted(name, { uid: 'another', verdict: { kind: 'carry' } }))
    expect(leaving()).to.deep.equal([first, second])
    state.setClient(wanted(second))
    expect(leaving()).to.deep.equal([first])
    write(2_000)
    expect(leaving()).to.deep.equal([])
  })

  describe('open', () => {
    it('keeps a client as it is stored until something else is said of it', () => {
      const stored = written([wanted(first), wanted(second)], 100n).secret
      state = new ShardState(home)
      state.load(stored, everybody)
      state.open([first, second].map(key), 0)
      expect(waitMs(0)).to.be.at.most(0)
      expect(begin(0).plan.kind).to.equal('keep')
    })

    it('keeps a client that is stopped, and one whose earlier version may not be served, as they are stored', () => {
      const suspended = create(RestraintSchema, { suspended: true })
      const clients = [wanted(first, { restraint: suspended }), wanted(second, { forbidsEarlier: true })]
      state = new ShardState(home)
      state.load(written(clients, 100n).secret, everybody)
      state.open([first, second].map(key), 0)
      expect(begin(0).plan.kind).to.equal('keep')
    })

    it('takes out a client that is gone', () => {
      state = new ShardState(home)
      state.load(written([wanted(first), wanted(second)], 100n).secret, everybody)
      state.open([key(first)], 0)
      expect(write(0).shard.entries.map(({ name }) => name)).to.deep.equal([first])
    })

    it('writes nothing before each client that is not stored has been put or presumed', () => {
      state = new ShardState(home)
      state.load(undefined, everybody)
      state.open([first, second].map(key), 0)
      state.setClient(wanted(first))
      expect(waitMs(3_600_000)).to.equal(undefined)
      expect(state.setClient(wanted(second))).to.equal(true)
      expect(waitMs(0)).to.be.at.most(0)
    })
  })

  describe('put', () => {
    it('has the first change written at once, and the next one a second after that', () => {
      expect(waitMs(5_000)).to.equal(undefined)
      expect(state.setClient(wanted(first, version('one')))).to.equal(true)
      expect(waitMs(5_000)).to.be.at.most(0)
      write(5_000)
      state.setClient(wanted(first, version('two')))
      expect(waitMs(5_100)).to.equal(900)
      expect(waitMs(6_000)).to.equal(0)
    })

    it('asks for nothing when the client is as it is stored', () => {
      expect(state.setClient(wanted(first))).to.equal(false)
      const of = state.stored.entries.get(key(first))?.entry.desired
      expect(state.setClient(wanted(first, { standing: { of, is: 'accepted' } }))).to.equal(false)
      expect(waitMs(5_000)).to.equal(undefined)
    })

    it('I3 keeps a version that replicas accept, whichever come after it, and whenever writes begin and end', () => {
      const accepts = [first, 'better']
      const step = fc.oneof(
        fc.record({ name: fc.constantFrom(...accepts, 'bad', 'worse'), isHeard: fc.boolean() }),
        fc.constantFrom('another client changes', 'a write begins', 'it ends'),
      )
      fc.assert(
        fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
          const of = () => state.stored.entries.get(key(first))?.entry
          const named = (text: string | undefined) => accepts.find((name) => versionOf(name) === text)
          store()
          let turn: BegunTurn | undefined
          const end = () => {
            if (turn?.plan.kind === 'write') {
              const { shard, digest, file } = turn.plan
              state.written({ secret: secretWith(file), shard, digest }, turn.fresh)
            }
            state.end()
            turn = undefined
            const { desired, accepted } = of()!
            expect(named(desired?.config) ?? named(accepted?.config), 'a version that replicas accept').to.not.equal(
              undefined,
            )
          }
          for (const [index, one] of [...steps, 'it ends' as const].entries()) {
            if (one === 'another client changes') state.setClient(wanted(second, { clientId: `other-${index}` }))
            else if (one === 'a write begins') turn ??= begin(6_000)
            else if (one === 'it ends') end()
            else {
              const before = of()?.desired
              const is = !one.isHeard ? 'unknown' : named(before?.config) === undefined ? 'rejected' : 'accepted'
              state.setClient(wanted(first, { ...version(one.name), standing: { of: before, is } }))
            }
          }
        }),
        { numRuns: propertyRuns(600) },
      )
    })

    it('knows whose entry the running write changes, and at its end, written or not, who asked', () => {
      state.setClient(wanted(first, version('one')))
      expect(state.isBeingWritten(key(first)), 'before the write').to.equal(false)
      begin(5_000)
      expect([first, second].map((name) => state.isBeingWritten(key(name)))).to.deep.equal([true, false])
      expect(state.end()).to.deep.equal([key(first)])
      expect(state.isBeingWritten(key(first)), 'after it').to.equal(false)
      state.remove(key(second))
      begin(6_000)
      expect(state.isBeingWritten(key(second)), 'one that leaves').to.equal(true)
    })

    it('asks for a look when the client is as it is stored, but another version is being written', () => {
      state.setClient(wanted(first, version('one')))
      begin(5_000)
      expect(state.setClient(wanted(first))).to.equal(true)
      expect(waitMs(6_000)).to.equal(0)
    })
  })

  describe('presume', () => {
    it('waits a minute for a client that could not be decided, then goes on without its verifiers', () => {
      state = new ShardState(home)
      state.load(undefined, everybody)
      state.open([first, second].map(key), 0)
      state.setClient(wanted(first))
      expect(state.setUndecided(wanted(second))).to.equal(true)
      expect(waitMs(1_000)).to.equal(59_000)
      expect(waitMs(60_000)).to.equal(0)
    })

    it('says nothing of a client that the shard does not wait for', () => {
      expect(state.setUndecided(wanted(first, version('one')))).to.equal(false)
      expect(waitMs(5_000)).to.equal(undefined)
    })
  })

  describe('remove', () => {
    it('takes the client out, and asks for nothing the second time', () => {
      expect(state.remove(key(first))).to.equal(true)
      expect(write(5_000).changed).to.deep.equal([key(first)])
      expect(state.remove(key(first))).to.equal(false)
    })

    it('waits no longer for a client that is gone', () => {
      state = new ShardState(home)
      state.load(undefined, everybody)
      state.open([first, second].map(key), 0)
      state.setClient(wanted(first))
      expect(waitMs(0)).to.equal(undefined)
      expect(state.remove(key(second))).to.equal(true)
      expect(waitMs(0)).to.be.at.most(0)
    })
  })

  describe('notice', () => {
    it('writes the shard anew above what a replica has seen, though nothing else has changed', () => {
      expect(state.notice(101n, 5_000)).to.equal(false)
      expect(state.notice(500n, 5_000)).to.equal(true)
      const { shard, changed, fresh } = write(5_000, 500n)
      expect(shard.seq).to.equal(501n)
      expect(fresh).to.equal(true)
      expect([...changed].sort()).to.deep.equal([first, second].map(key).sort())
    })

    it('decides each client first that nobody has looked at since an older copy was loaded, for a minute at most', () => {
      state = new ShardState(home)
      state.load(written([wanted(first), wanted(second)], 100n).secret, everybody)
      state.open([first, second].map(key), 0)
      state.setClient(wanted(first))
      expect(state.notice(500n, 5_000)).to.equal(true)
      expect(waitMs(5_000)).to.equal(60_000)
      expect(state.notice(500n, 9_000)).to.equal(true)
      expect(waitMs(9_000)).to.equal(56_000)
      expect(state.setClient(wanted(second, version('published since')))).to.equal(true)
      expect(waitMs(9_000)).to.be.at.most(0)
      write(9_000, 500n)
      expect(textOf(second)).to.equal(versionOf('published since'))
    })

    it('F62 waits a minute where a cluster has joined, so that it can write newer mirrors first, and no longer after that', () => {
      expect(state.notice(500n, 6_000)).to.equal(true)
      expect(state.notice(500n, 30_000)).to.equal(true)
      expect(waitMs(30_000)).to.be.at.most(0)
      expect(waitMs(30_000, true)).to.equal(36_000)
      expect(waitMs(66_000, true)).to.equal(0)
      write(66_000, 500n)
      state.setClient(wanted(first, version('next')))
      expect(waitMs(67_000, true)).to.equal(0)
    })
  })

  describe('begin', () => {
    const large = (name: string, createdAt: number) => {
      const description = randomBytes(600_000).toString('base64')
      const version = renderVersion(create(ClientConfigSchema, { clientName: name, description }))
      return wanted(name, { createdAt, namespaceBytes: Infinity, verdict: { kind: 'desired', version } })
    }

    it('F22 refuses the younger client of a shard that is full, says so once, and takes it in when there is room', () => {
      state.setClient(large(first, 1))
      state.setClient(large(second, 2))
      const turn = begin(5_000)
      expect(turn).to.deep.include({ newlyRefused: [key(second)], nearlyFull: true })
      if (turn.plan.kind !== 'write') throw new Error('expected a write')
      state.written({ ...turn.plan, secret: secretWith(turn.plan.file) }, false)
      state.end()
      expect([...state.refused]).to.deep.equal([[key(second), 'shard']])
      expect(textOf(second), 'it stays as it is stored').to.equal(versionOf(second))
      state.setClient(wanted(second, { ...version('smaller'), namespaceBytes: Infinity }))
      expect(begin(6_000)).to.deep.include({ newlyRefused: [], nearlyFull: false })
      expect(state.refused.size).to.equal(0)
    })

    it('refuses a client no longer when it is put as it is stored', () => {
      state.setClient(large(first, 1))
      state.setClient(large(second, 2))
      write(5_000)
      expect(state.refused.has(key(second))).to.equal(true)
      expect(state.setClient(wanted(second))).to.equal(true)
      expect(begin(6_000).plan.kind).to.equal('keep')
      expect(state.refused.size).to.equal(0)
    })
  })

  describe('failed', () => {
    it('tries again what was to be written, after the wait', () => {
      state.setClient(wanted(first, version('one')))
      begin(5_000)
      state.failed(5_100, 3_000)
      state.end()
      expect(waitMs(5_100)).to.equal(3_000)
      write(8_100)
      expect(textOf(first)).to.equal(versionOf('one'))
    })
  })

  describe('conflicted', () => {
    it('writes again what was to be written, a second later', () => {
      state.setClient(wanted(first, version('one')))
      begin(5_000)
      state.conflicted()
      state.end()
      expect(waitMs(5_100)).to.equal(900)
    })
  })

  describe('read', () => {
    it('changes nothing when what is stored is what we know', () => {
      expect(state.read(written([wanted(first), wanted(second)], 100n).secret, 5_000, everybody.isOurs).kind).to.equal(
        'same',
      )
      expect(waitMs(5_000)).to.equal(undefined)
    })

    it('decides again each client that differs in a newer shard, before it writes', () => {
      const newer = written([wanted(first, version('theirs')), wanted(second)], 200n)
      expect(state.read(newer.secret, 5_000, everybody.isOurs)).to.deep.include({
        kind: 'newer',
        changed: [key(first)],
      })
      expect(waitMs(5_000)).to.equal(60_000)
      expect(state.setClient(wanted(first))).to.equal(true)
      expect(waitMs(5_000)).to.be.at.most(0)
      expect(write(5_000).shard).to.include({ seq: 202n })
      expect(textOf(first)).to.equal(versionOf(first))
    })

    it('waits a minute for that at most', () => {
      state.read(written([wanted(first, version('theirs')), wanted(second)], 200n).secret, 5_000, everybody.isOurs)
      state.read(written([wanted(first, version('again')), wanted(second)], 300n).secret, 40_000, everybody.isOurs)
      expect(waitMs(65_000)).to.equal(0)
    })

    it('waits for no client that is not ours', () => {
      const newer = written([wanted(first), wanted(second), wanted(names[2]!)], 200n)
      expect(state.read(newer.secret, 5_000, everybody.isOurs)).to.deep.include({ changed: [key(names[2]!)] })
      expect(waitMs(5_000)).to.be.at.most(0)
      expect(write(5_000).shard.entries.length).to.equal(2)
    })

    it('I3 does not write over a shard of a later schema: nobody here knows what it says', () => {
      const later = secretWith(gzipSync(JSON.stringify({ schema: shardSchema + 1, shard: home, seq: '900' })))
      expect(state.read(later, 5_000, everybody.isOurs).stored.later).to.equal(shardSchema + 1)
      state.setClient(wanted(first, version('edited')))
      expect(waitMs(90_000)).to.equal(undefined)
      expect(
        state.read(written([wanted(first), wanted(second)], 950n).secret, 91_000, everybody.isOurs).stored.later,
      ).to.equal(undefined)
    })

    it('I3 leaves such a shard alone from the start', () => {
      const later = secretWith(gzipSync(JSON.stringify({ schema: shardSchema + 1, shard: home, seq: '900' })))
      const fresh = new ShardState(home)
      fresh.load(later, everybody)
      fresh.open([], 0)
      expect(fresh.waitMs(90_000, { decideWaitMs, isJoined: false })).to.equal(undefined)
    })

    for (const [what, secret] of [
      ['a damaged', secretWith(Buffer.from('nothing of ours'))],
      ['an older', written([wanted(names[2]!)], 50n).secret],
      ['no', undefined],
    ] as const) {
      it(`F37 writes over ${what} shard from what it knows, at once and under a higher seq`, () => {
        expect(state.read(secret, 5_000, everybody.isOurs).kind).to.equal('lost')
        expect(waitMs(5_000)).to.be.at.most(0)
        const { shard, changed } = write(5_000)
        expect(shard.seq > 101n).to.equal(true)
        expect(shard.entries.map(({ name }) => name)).to.deep.equal([first, second].sort())
        expect(changed, 'servers that have a client need not load it again').to.deep.equal([])
      })
    }
  })
})
