import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createAttempts } from '../../../src/store/people/attempts.ts'
import type { AttemptLimits, BegunAttempt } from '../../../src/store/people/attempts.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const limits = { perAccount: 5, perAddress: 1000, windowMs: 60_000, lockMs: 60_000 }

describe(createAttempts.name, () => {
  let fresh: FreshStore
  let replicas: Store[]
  before(async () => {
    fresh = await freshStore()
    replicas = [fresh.replica(), fresh.replica(), fresh.replica()]
  })
  after(() => fresh.stop())

  const freshAddress = () => `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`
  const begin = (login: string, options: { replica?: number; address?: string; limits?: AttemptLimits } = {}) =>
    replicas[options.replica ?? 0]!.attempts.start({
      login,
      address: options.address ?? freshAddress(),
      limits: options.limits ?? limits,
    })
  const has = ({ keys }: BegunAttempt) => keys.accountPlace !== undefined
  /** Makes an attempt that fails. @returns whether it had a place */
  async function failing(login: string, options: Parameters<typeof begin>[1] = {}): Promise<boolean> {
    const attempt = await begin(login, options)
    await replicas[options.replica ?? 0]!.attempts.fail(attempt.keys, options.limits ?? limits)
    return has(attempt)
  }
  const pass = (seconds: number) =>
    replicas[0]!.database.query(
      statement(
        'test-pass-time',
        `UPDATE attempts SET until = until - $1 * interval '1 second',
           places = ARRAY(SELECT place - $1 * interval '1 second' FROM unnest(places) place)`,
      ),
      [seconds],
    )
  const allowed = (outcomes: readonly boolean[]) => outcomes.filter(Boolean).length

  it('L7 allows exactly the limit when 60 attempts come at once over 3 replicas', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    const attempts = Array.from({ length: 60 }, (_, turn) => begin(username, { replica: turn % 3, address }))
    expect((await Promise.all(attempts)).filter(has)).to.have.length(limits.perAccount)
  })

  it('L7 allows exactly the limit when failures come in between', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    const attempts = Array.from({ length: 60 }, (_, turn) => failing(username, { replica: turn % 3, address }))
    expect(allowed(await Promise.all(attempts))).to.equal(limits.perAccount)
    await pass(21)
    expect(await failing(username)).to.equal(false)
  })

  it('L7 keeps the counter when the replica that counted is gone', async () => {
    const { username } = await addPerson(replicas[0]!)
    const doomed = fresh.replica()
    for (let turn = 0; turn < limits.perAccount; turn++) {
      const { keys } = await doomed.attempts.start({ login: username, address: freshAddress(), limits })
      await doomed.attempts.fail(keys, limits)
    }
    await doomed.stop()
    expect(has(await begin(username, { replica: 1 }))).to.equal(false)
  })

  it('L5 counts every spelling of one account together: case, spaces, width, e-mail address', async () => {
    const { username } = await addPerson(replicas[0]!)
    const wide = Array.from(username).map((letter) =>
      /[a-z]/.test(letter) ? String.fromCodePoint(letter.codePointAt(0)! + 0xfee0) : letter,
    )
    const spellings = [username, username.toUpperCase(), `  ${username}\t`, wide.join(''), `${username}@EXAMPLE.test`]
    for (const login of spellings) expect(await failing(login), login).to.equal(true)
    for (const login of spellings) expect(await failing(login), login).to.equal(false)
  })

  it('L4 counts an unknown user name like a known one', async () => {
    const login = `nobody-${randomUUID()}`
    const outcomes: boolean[] = []
    for (let turn = 0; turn < 6; turn++) {
      const spelled = turn % 2 ? login.toUpperCase() : login
      const attempt = await begin(spelled, { replica: turn % 3 })
      expect(attempt.user).to.equal(undefined)
      await replicas[0]!.attempts.fail(attempt.keys, limits)
      outcomes.push(has(attempt))
    }
    expect(outcomes).to.deep.equal([true, true, true, true, true, false])
  })

  it('L6 counts nothing against accounts for an address over its limit, so that a flood locks nobody out', async () => {
    const { username } = await addPerson(replicas[0]!)
    const tight = { limits: { ...limits, perAddress: 3 }, address: freshAddress() }
    for (let turn = 0; turn < 3; turn++) await failing(`x${turn}-${username}`, tight)
    for (let turn = 0; turn < 10; turn++) {
      const flooded = await begin(username, { ...tight, replica: 1 })
      expect(flooded.keys).to.include({ addressPlace: undefined, accountPlace: undefined })
      expect(flooded.waitSeconds).to.be.within(21, 60)
    }
    for (let turn = 0; turn < limits.perAccount; turn++) expect(await failing(username)).to.equal(true)
  })

  it('does not count a right password as a failure, finished or not: its place is free again after 20 s', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    const tight = { limits: { ...limits, perAddress: limits.perAccount }, address }
    for (let round = 0; round < 3; round++) {
      for (let turn = 0; turn < limits.perAccount; turn++) expect(has(await begin(username, tight))).to.equal(true)
      const full = await begin(username, tight)
      expect(has(full)).to.equal(false)
      // 20, less what this took
      expect(full.waitSeconds).to.be.within(10, 20)
      await pass(21)
    }
    for (let turn = 0; turn < limits.perAccount; turn++) expect(await failing(username, tight)).to.equal(true)
    expect(await failing(username, tight)).to.equal(false)
  })

  it('forgets the failures of the account after a success, and frees the place of the address', async () => {
    const { username } = await addPerson(replicas[0]!)
    const tight = { address: freshAddress(), limits: { ...limits, perAccount: 2, perAddress: 3 } }
    for (let round = 0; round < 2; round++) {
      await failing(username, tight)
      const { keys } = await begin(username, { ...tight, replica: 1 })
      expect(keys.accountPlace).not.to.equal(undefined)
      await replicas[2]!.attempts.clear(keys)
    }
    // two failures of the address stay: one place is left
    expect(has(await begin(username, tight))).to.equal(true)
    expect(has(await begin(username, tight))).to.equal(false)
  })

  it("F18 ends a lock by the database's clock", async () => {
    const { username } = await addPerson(replicas[0]!)
    const short = { limits: { ...limits, perAccount: 2, windowMs: 60_000, lockMs: 30_000 } }
    for (const expected of [true, true, false]) expect(await failing(username, short)).to.equal(expected)
    await pass(10)
    expect(await failing(username, short)).to.equal(false)
    await pass(20)
    expect(await failing(username, short)).to.equal(true)
  })

  it('F8 frees the places of an attempt that got no answer, and counts no failure', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    const few = { ...limits, perAddress: 3 }
    await failing(username, { address, limits: few })
    for (let turn = 0; turn < 20; turn++) {
      const attempt = await begin(username, { address, limits: few, replica: turn % 3 })
      expect(has(attempt)).to.equal(true)
      await replicas[turn % 3]!.attempts.release(attempt.keys)
    }
    // the failure from before is still counted
    for (let turn = 0; turn < 2; turn++) expect(await failing(username, { address, limits: few })).to.equal(true)
    expect((await begin(username, { address, limits: few })).keys.addressPlace).to.equal(undefined)
  })

  it('leaves no row of a made-up name whose attempt got no answer, however many are made up', async () => {
    const count = statement<{ count: number }>('test-count-attempts', 'SELECT count(*)::integer AS count FROM attempts')
    const rows = async () => (await replicas[0]!.database.query(count, []))[0]!.count
    const before = await rows()
    for (const address of [freshAddress(), undefined]) {
      const begun = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          replicas[0]!.attempts.start({ login: `nobody-${index}`, address, limits }),
        ),
      )
      expect(begun.every(has)).to.equal(true)
      // one after another: of two that end at once neither sees that it is the last, and the row waits for the reaper
      for (const [index, { keys }] of begun.entries()) await replicas[index % 3]!.attempts.release(keys)
      expect(await rows()).to.equal(before)
    }
  })

  it('does not let refused attempts make a lock longer', async () => {
    const { username } = await addPerson(replicas[0]!)
    for (let turn = 0; turn < 5; turn++) await failing(username, { limits: { ...limits, lockMs: 30_000 } })
    for (let turn = 0; turn < 5; turn++) await failing(username, { limits: { ...limits, lockMs: 3_000_000 } })
    await pass(31)
    expect(await failing(username)).to.equal(true)
  })

  it('counts a window from its first failure', async () => {
    const { username } = await addPerson(replicas[0]!)
    await begin(username)
    await pass(50)
    for (let turn = 0; turn < limits.perAccount - 1; turn++) await failing(username)
    await pass(20)
    expect(await failing(username)).to.equal(true)
    expect(await failing(username)).to.equal(false)
  })

  for (const ending of ['fail', 'clear'] as const)
    it(`${ending} locks the address before the account, as begin does, so that no two wait for each other`, async () => {
      const { username } = await addPerson(replicas[0]!)
      const { keys } = await begin(username)
      const lock = statement('test-lock', 'SELECT FROM attempts WHERE key = $1 FOR UPDATE NOWAIT')
      const waiting = statement(
        'test-waiting',
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      let ended: Promise<void> | undefined
      await replicas[0]!.database.transaction(async (connection) => {
        await connection.query(lock, [keys.address])
        ended = replicas[1]!.attempts[ending](keys, limits)
        const until = performance.now() + 20_000
        while ((await replicas[2]!.database.query(waiting)).length === 0)
          if (performance.now() > until) throw new Error('it does not wait for the address')
        // it would be refused at once if the waiting statement had the lock
        await connection.query(lock, [keys.account])
      })
      await ended
    })
})
