import { expect } from 'chai'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'
import type { Person } from '../../../src/store/people/user.ts'
import { createKeptPeople } from '../../../src/users/ldap/kept-people.ts'

const maxAgeMs = 10_000
const ada: Person = {
  username: 'ada',
  email: undefined,
  emailVerified: false,
  name: 'Ada',
  locale: undefined,
  profile: { given_name: 'Ada' },
  disabled: false,
  groups: ['dev'],
}

describe(createKeptPeople.name, () => {
  let now: number
  let asked: number
  let answer: Person | undefined | Error
  let kept: ReturnType<typeof createKeptPeople>
  beforeEach(() => {
    now = 1_000_000
    asked = 0
    answer = ada
    const cache = createMemoryCache({ now: () => now })
    kept = createKeptPeople({ cache, source: 'directory', maxAgeMs, now: () => now })
  })
  const read = async () => {
    asked++
    if (answer instanceof Error) throw answer
    return answer
  }
  const get = () => kept.get('key', read)
  /** Until what goes on in the background is done. */
  const settled = () => new Promise((resolve) => setImmediate(resolve))

  it('asks once, and gives what it was told until half of the age', async () => {
    expect(await get()).to.deep.equal(ada)
    now += maxAgeMs / 2 - 1
    expect(await get()).to.deep.equal(ada)
    expect(asked).to.equal(1)
  })

  it('from half of the age on asks again meanwhile, and nobody waits', async () => {
    await get()
    answer = { ...ada, groups: ['ops'] }
    now += maxAgeMs / 2
    expect((await get())?.groups).to.deep.equal(['dev'])
    await settled()
    expect((await get())?.groups).to.deep.equal(['ops'])
    expect(asked).to.equal(2)
  })

  it('F8 gives what it was told while the directory fails, until its age and not a moment longer', async () => {
    await get()
    answer = new Error('away')
    now += maxAgeMs - 1
    expect(await get()).to.deep.equal(ada)
    await settled()
    now += 1
    expect(await get().catch((error: unknown) => error)).to.equal(answer)
  })

  it('F8 gives nothing older than its age, also when the clock of the cache is late', async () => {
    const cache = createMemoryCache({ now: () => 0 })
    kept = createKeptPeople({ cache, source: 'directory', maxAgeMs, now: () => now })
    await get()
    now += maxAgeMs
    answer = new Error('away')
    expect(await get().catch((error: unknown) => error)).to.equal(answer)
  })

  it('counts the age from when the directory was asked', async () => {
    await kept.record('key', ada, now - maxAgeMs + 1)
    expect(await get()).to.deep.equal(ada)
    expect(asked).to.equal(1) // for the next one
    await kept.record('other', ada, now - maxAgeMs)
    expect(await kept.get('other', async () => undefined)).to.equal(undefined)
  })

  it('writes nothing that has no time left: a cache may refuse it', async () => {
    const cache = createMemoryCache({ now: () => now })
    const left: number[] = []
    const counting = {
      ...cache,
      set: (...entry: Parameters<typeof cache.set>) => (left.push(entry[2]), cache.set(...entry)),
    }
    kept = createKeptPeople({ cache: counting, source: 'directory', maxAgeMs, now: () => now })
    for (const age of [maxAgeMs - 1, maxAgeMs, maxAgeMs + 1]) await kept.record('key', ada, now - age)
    expect(left).to.deep.equal([1])
  })

  it('T5 forgets who is gone or disabled, so that nobody waits for who comes back', async () => {
    for (const gone of [undefined, { ...ada, disabled: true }]) {
      answer = ada
      await kept.record('key', ada, now)
      answer = gone
      now += maxAgeMs
      expect(await get()).to.deep.equal(gone)
      answer = ada
      now += 1
      expect(await get()).to.deep.equal(ada)
    }
  })

  it('reads an entry of another shape as none', async () => {
    const cache = createMemoryCache({ now: () => now })
    const strict = createKeptPeople({ cache, source: 'directory', maxAgeMs, now: () => now })
    for (const text of ['', '{', '{}', JSON.stringify({ at: now, person: { ...ada, admin: true } })]) {
      await cache.set({ purpose: 'person', id: 'directory:key' }, Buffer.from(text), 5000)
      expect(await strict.get('key', async () => undefined), text).to.equal(undefined)
    }
  })
})
