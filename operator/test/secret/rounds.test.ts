import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import { Rounds, roundLengthMs } from '../../src/secret/rounds.ts'

describe('Rounds', () => {
  let clock: ReturnType<typeof createManualClock>
  let versions: Map<string, string>
  let seen: Map<string, string>
  let looks: { key: string; at: number }[]
  let changed: string[]
  let doubted: string[]
  let isLate: boolean
  let failure: Error | undefined
  let rounds: Rounds
  let recorded: ReturnType<typeof createRecordedLog>

  const start = (count: number) => {
    const keys = Array.from({ length: count }, (_, index) => `apps/c${index}`)
    for (const key of keys) seen.set(key, 'v1')
    for (const key of keys) versions.set(key, 'v1')
    rounds.start()
    return keys
  }
  /** Time passes, and what was asked for is answered. */
  const pass = async (milliseconds: number) => {
    for (let left = milliseconds; left > 0; left -= 250) {
      clock.advance(250)
      await new Promise(setImmediate)
    }
  }
  const looked = () => looks.map(({ key }) => key)

  beforeEach(() => {
    clock = createManualClock()
    versions = new Map()
    seen = new Map()
    looks = []
    changed = []
    doubted = []
    isLate = false
    failure = undefined
    recorded = createRecordedLog()
    const held = new Map<string, readonly { name: string; version: string }[]>()
    rounds = new Rounds({
      keys: () => seen.keys(),
      memories: {
        clearRead: (key) => void doubted.push(key),
        versionsOf: (key) => {
          const version = seen.get(key)!
          const last = held.get(key)
          if (last?.[0]?.version !== version) held.set(key, [{ name: key.slice('apps/'.length), version }])
          return held.get(key)!
        },
      },
      readVersion: async (namespace, name) => {
        looks.push({ key: `${namespace}/${name}`, at: clock.monotonic() })
        if (failure) throw failure
        return versions.get(`${namespace}/${name}`)
      },
      isLate: () => isLate,
      onChanged: (key) => void changed.push(key),
      clock,
      log: recorded.log,
    })
  })
  afterEach(async () => await rounds.stop())

  it('F37 looks at each Secret once a minute, evenly spread', async () => {
    const keys = start(30)
    await pass(60_000)
    expect(looked().slice(0, 30)).to.deep.equal(keys)
    const gaps = looks.slice(1, 30).map(({ at }, index) => at - looks[index]!.at)
    expect(Math.min(...gaps)).to.be.at.least(1_750)
    expect(Math.max(...gaps)).to.be.at.most(2_250)
    expect(changed).to.deep.equal([])
  })

  it('looks at no more than twenty a second, however many there are', async () => {
    expect(roundLengthMs(1_200)).to.equal(60_000)
    expect(roundLengthMs(10_000)).to.equal(500_000)
    start(10_000)
    await pass(10_000)
    expect(looks.length).to.be.within(200, 206)
  })

  it('has a client looked at whose Secret was edited or deleted, and no other', async () => {
    start(3)
    versions.set('apps/c1', 'v2')
    versions.delete('apps/c2')
    await pass(60_000)
    expect(doubted).to.deep.equal(['apps/c1', 'apps/c2'])
    expect(changed).to.deep.equal(['apps/c1', 'apps/c2'])
    const told = recorded.told('secret changed by somebody else')
    expect(told.map(({ secret, isThere }) => [secret, isThere])).to.deep.equal([
      ['c1', true],
      ['c2', false],
    ])
  })

  it('takes a write of our own that came in between for no news', async () => {
    start(1)
    await pass(60_000)
    seen.set('apps/c0', 'v2')
    versions.set('apps/c0', 'v2')
    await pass(60_000)
    expect(changed).to.deep.equal([])
  })

  it('goes on slowly when others have gone first for a minute: somebody may keep the operator busy', async () => {
    const keys = start(30)
    isLate = true
    await pass(60_000)
    expect(looks.length).to.be.at.most(1)
    await pass(240_000)
    expect(new Set(looked()).size).to.equal(keys.length)
    expect(looks.length).to.be.within(keys.length, keys.length + 2)
  })

  it('waits while clients wait for their turn, and does not make up for it all at once', async () => {
    start(60)
    isLate = true
    await pass(30_000)
    expect(looks).to.deep.equal([])
    isLate = false
    await pass(10_000)
    expect(looks.length).to.be.within(9, 11)
  })

  it('waits after a 429 as long as the API asks for, and five seconds at least', async () => {
    start(600)
    failure = new ApiError('KUBERNETES_REFUSED', { message: 'slow down', status: 429, retryAfterMs: 20_000 })
    await pass(1_000)
    failure = undefined
    const before = looks.length
    await pass(18_000)
    expect(looks.length).to.equal(before)
    await pass(4_000)
    expect(looks.length).to.be.above(before)
  })

  it('goes on when one Secret is refused: that says nothing of the others', async () => {
    start(4)
    failure = new ApiError('KUBERNETES_REFUSED', { message: 'no', status: 403 })
    await pass(60_000)
    expect(new Set(looked()).size).to.equal(4)
  })

  it('says once in ten minutes that it may not look', async () => {
    start(1)
    failure = new ApiError('KUBERNETES_REFUSED', { message: 'no', status: 403 })
    const told = () => recorded.told('secret may not be looked at').length
    await pass(600_000)
    const first = looks[0]!.at
    expect(told()).to.equal(1)
    await pass(first)
    expect(looks.at(-1)!.at - first).to.equal(600_000)
    expect(told()).to.equal(2)
  })
})
