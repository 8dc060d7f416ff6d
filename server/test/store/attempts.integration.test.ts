import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { addressBlock, createAttempts } from '../../src/store/attempts.ts'
import type { Store } from '../../src/store/store.ts'
import { addPerson, freshStore } from './fresh-store.ts'
import type { FreshStore } from './fresh-store.ts'

const limits = { perAccount: 5, perAddress: 1000, windowMs: 60_000, lockMs: 60_000 }

describe(createAttempts.name, () => {
  let fresh: FreshStore
  let replicas: Store[]
  before(async function () {
    this.timeout(30_000)
    fresh = await freshStore()
    replicas = [fresh.replica(), fresh.replica(), fresh.replica()]
  })
  after(() => fresh.stop())

  const freshAddress = () => `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`
  const within = (count: { account: { count: number } | undefined }) =>
    (count.account?.count ?? Infinity) <= limits.perAccount

  it('L7 lets exactly the limit through when 60 attempts come at once over 3 replicas', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    const attempts = Array.from({ length: 60 }, (_, turn) =>
      replicas[turn % 3]!.attempts.count({ login: username, address, limits }),
    )
    expect((await Promise.all(attempts)).filter(within)).to.have.length(limits.perAccount)
  })

  it('L7 keeps the counter when the replica that counted is gone', async () => {
    const { username } = await addPerson(replicas[0]!)
    const doomed = fresh.replica()
    for (let turn = 0; turn < limits.perAccount; turn++) {
      await doomed.attempts.count({ login: username, address: freshAddress(), limits })
    }
    await doomed.stop()
    expect(within(await fresh.replica().attempts.count({ login: username, address: freshAddress(), limits }))).to.equal(
      false,
    )
  })

  it('L5 counts every spelling of one account together: case, spaces, width, e-mail address', async () => {
    const { username } = await addPerson(replicas[0]!)
    const wide = Array.from(username).map((letter) =>
      /[a-z]/.test(letter) ? String.fromCodePoint(letter.codePointAt(0)! + 0xfee0) : letter,
    )
    const spellings = [username, username.toUpperCase(), `  ${username}\t`, wide.join(''), `${username}@EXAMPLE.test`]
    const counts: (number | undefined)[] = []
    for (const login of spellings) {
      counts.push((await replicas[0]!.attempts.count({ login, address: freshAddress(), limits })).account?.count)
    }
    expect(counts).to.deep.equal([1, 2, 3, 4, 5])
  })

  it('L4 counts an unknown name like a known one', async () => {
    const login = `nobody-${randomUUID()}`
    const counts: (number | undefined)[] = []
    for (let turn = 0; turn < 6; turn++) {
      const count = await replicas[turn % 3]!.attempts.count({
        login: turn % 2 ? login.toUpperCase() : login,
        address: freshAddress(),
        limits,
      })
      expect(count.user).to.equal(undefined)
      counts.push(count.account?.count)
    }
    expect(counts).to.deep.equal([1, 2, 3, 4, 5, 6])
  })

  it('L6 stops counting accounts for an address that is over its limit, so that a flood locks nobody', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    const tight = { ...limits, perAddress: 3 }
    for (let turn = 0; turn < 3; turn++)
      await replicas[0]!.attempts.count({ login: `x${turn}-${username}`, address, limits: tight })
    const flooded = await replicas[1]!.attempts.count({ login: username, address, limits: tight })
    expect(flooded.account).to.equal(undefined)
    expect(flooded.address.waitSeconds).to.be.within(1, 60)
    const elsewhere = await replicas[1]!.attempts.count({ login: username, address: freshAddress(), limits: tight })
    expect(elsewhere.account?.count).to.equal(1)
  })

  it('takes a success back: the account starts anew and the address gets its attempt back', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    await replicas[0]!.attempts.count({ login: username, address, limits })
    const { keys } = await replicas[1]!.attempts.count({ login: username, address, limits })
    await replicas[2]!.attempts.clear(keys)
    const next = await replicas[0]!.attempts.count({ login: username, address, limits })
    expect([next.account?.count, next.address.count]).to.deep.equal([1, 2])
  })

  it("F18 ends a lock by the database's clock", async () => {
    const { username } = await addPerson(replicas[0]!)
    const short = { ...limits, perAccount: 2, windowMs: 60_000, lockMs: 1 }
    const attempt = () => replicas[0]!.attempts.count({ login: username, address: freshAddress(), limits: short })
    await attempt()
    await attempt()
    await replicas[0]!.database.query({ name: 'test-pass-time', text: 'SELECT pg_sleep(0.01)', writes: false })
    expect((await attempt()).account?.count).to.equal(1)
  })

  it('does not let refused attempts make a lock longer', async () => {
    const { username } = await addPerson(replicas[0]!)
    const address = freshAddress()
    const waits: number[] = []
    for (let turn = 0; turn < 8; turn++) {
      const lockMs = turn < 5 ? 30_000 : 3_000_000
      waits.push(
        (await replicas[0]!.attempts.count({ login: username, address, limits: { ...limits, lockMs } })).account!
          .waitSeconds,
      )
    }
    expect(waits.slice(4).every((wait) => wait <= 30)).to.equal(true)
  })
})

describe(addressBlock.name, () => {
  const cases: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ]
  for (const [address, block] of cases) {
    it(`counts ${address} as ${block}`, () => expect(addressBlock(address)).to.equal(block))
  }
})
