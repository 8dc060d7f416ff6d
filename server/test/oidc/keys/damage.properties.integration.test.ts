import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { importJWK, jwtVerify, SignJWT } from 'jose'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { quietLog } from '@nauthera/harness/kept-log'
import type { KeySet } from '../../../src/oidc/keys/key-set.ts'
import { cuts } from '../../../src/oidc/keys/leak.ts'
import type { Cut } from '../../../src/oidc/keys/leak.ts'
import { createKeyRing } from '../../../src/oidc/keys/ring.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { createKeyRing as createEncryptionRing } from '../../../src/store/driver/envelope.ts'
import { deleteLost, findLost } from '../../../src/store/lost-keys.ts'
import type { Store } from '../../../src/store/store.ts'
import { codeOf } from '../../store/code-of.ts'
import { freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'

const minute = 60_000
const day = 24 * 60 * minute
const algorithms = ['ES256', 'EdDSA'] as const
const usual = { publishBefore: 15 * minute, rotateEvery: 30 * day }

/** Which rows are damaged, and how; with which ring and clock a process meets them; whether it had the keys before; what it does then. */
const worlds = fc.record({
  /** A fresh installation has one key of each kind, an old one the key before and the next one too. */
  age: fc.constantFrom('fresh', 'old'),
  hurt: fc.array(
    fc.record({
      row: fc.nat(20),
      how: fc.constantFrom('a byte', 'the end', 'of another row', 'the id of its key'),
    }),
    { maxLength: 8 },
  ),
  ring: fc.constantFrom('right', 'right', 'right', 'right', 'with a newer key', 'without the key', 'with other bytes'),
  aheadMs: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 30_000, -30_000, 2 * minute, -2 * minute, 200 * day, -200 * day),
  ran: fc.boolean(),
  /** A key that was replaced two days ago verifies still, or is to be deleted. */
  retireDays: fc.constantFrom(90, 1),
  operation: fc.constantFrom(
    'start',
    'start',
    'start',
    'rotate',
    'now',
    ...cuts,
    'reencrypt',
    'give up',
    'give up pairwise',
  ),
})
type World = typeof worlds extends fc.Arbitrary<infer Kind> ? Kind : never
type Hurt = World['hurt'][number]['how']

interface Row {
  readonly id: string
  readonly line: string
  readonly keyId: string
  readonly secret: string
  readonly times: string
  readonly active_at: Date
}
const rowsNow = statement<Row & { now: Date }>(
  'test-rows',
  `SELECT id, CASE use WHEN 'sig' THEN alg ELSE use END AS line, encrypted_by AS "keyId", encode(secret, 'hex') AS secret, active_at,
     concat(active_at, retire_at, remove_at) AS times, now() FROM keys ORDER BY created_at, id`,
)
const damage: Readonly<Record<Hurt, ReturnType<typeof statement>>> = {
  'a byte': statement(
    'test-hurt-byte',
    'UPDATE keys SET secret = set_byte(secret, 9, get_byte(secret, 9) # 1) WHERE id = $1',
  ),
  'the end': statement('test-hurt-end', 'UPDATE keys SET secret = substring(secret FOR 15) WHERE id = $1'),
  'of another row': statement(
    'test-hurt-moved',
    'UPDATE keys SET secret = (SELECT secret FROM keys WHERE id <> $1 ORDER BY id LIMIT 1) WHERE id = $1',
  ),
  'the id of its key': statement('test-hurt-key', "UPDATE keys SET encrypted_by = encrypted_by || 'x' WHERE id = $1"),
}
const run = (store: Store, name: string, text: string) => store.database.query(statement(name, text))

describe('keys of which some do not open', () => {
  let fresh: FreshStore
  let right: Store
  const stores = new Map<World['ring'], Store>()
  before(async () => {
    fresh = await freshStore()
    const [one, other, newer] = [randomBytes(32), randomBytes(32), randomBytes(32)]
    const rings = {
      right: [['one', one]],
      'with a newer key': [
        ['one', one],
        ['newer', newer],
      ],
      'without the key': [['newer', newer]],
      'with other bytes': [['one', other]],
    } as const
    for (const [name, keys] of Object.entries(rings))
      stores.set(name as World['ring'], fresh.replica({ poolMax: 2, ring: createEncryptionRing(new Map(keys), keys.at(-1)![0]) })) // prettier-ignore
    right = stores.get('right')!
    const ring = ringOf(right)
    await ring.load()
    await run(right, 'test-save-1', 'CREATE TABLE keys_fresh AS SELECT * FROM keys')
    for (const step of ['1', '2']) {
      await run(right, `test-age-${step}`, "UPDATE keys SET created_at = created_at - interval '2 days', active_at = least(active_at, now()) - interval '2 days'") // prettier-ignore
      await ring.rotate()
    }
    await run(right, 'test-save-2', 'CREATE TABLE keys_old AS SELECT * FROM keys')
    await ring.stop()
  })
  after(() => fresh.stop())

  const ringOf = (store: Store, { aheadMs = 0, retireDays = 90 } = {}) => {
    const policy = { ...usual, retireFor: () => retireDays * day }
    return createKeyRing({ keys: store.keys, algorithms, policy, now: () => Date.now() + aheadMs, log: quietLog })
  }
  const rowsOf = async () => right.database.query(rowsNow)
  const lines = [...algorithms, 'cookie']

  /** Which rows the ring of a store opens now. */
  const openedBy = async (store: Store) => new Set((await store.keys.list()).opened.map(({ id }) => id))

  /** The key of a line that is in use by its times. */
  const inUse = (rows: Awaited<ReturnType<typeof rowsOf>>, line: string) =>
    rows.filter((row) => row.line === line && row.active_at <= row.now).toSorted((a, b) => +a.active_at - +b.active_at).at(-1) // prettier-ignore

  /** Whether nothing needs a key any more: one that opens has followed it for long enough. */
  const isOver = (
    row: Row,
    rows: Awaited<ReturnType<typeof rowsOf>>,
    opened: ReadonlySet<string>,
    { retireDays }: World,
  ): boolean => {
    const next = rows.find(
      (other) => opened.has(other.id) && other.line === row.line && other.active_at > row.active_at,
    )
    return row.line !== 'pairwise' && next !== undefined && +next.active_at + retireDays * day <= +next.now
  }

  async function signsAndVerifies(keys: KeySet): Promise<void> {
    for (const alg of algorithms) {
      const jwk = keys.signing.find((key) => key.alg === alg && key.key_ops === undefined)
      expect(jwk, `a key that signs with ${alg}`).to.not.equal(undefined)
      const jwt = await new SignJWT({}).setProtectedHeader({ alg, kid: jwk!.kid! }).sign(await importJWK(jwk!, alg))
      const published = keys.published.find(({ kid }) => kid === jwk!.kid)
      await jwtVerify(jwt, await importJWK(published!, alg))
    }
    expect(keys.cookies.current('session').kid).to.be.a('string')
  }

  /** @returns what was thrown */
  async function operate({ operation }: World, store: Store, ring: ReturnType<typeof ringOf>) {
    switch (operation) {
      case 'start':
        return codeOf(ring.load())
      case 'rotate':
        return codeOf(ring.rotate())
      case 'now':
        return codeOf(ring.publishNow())
      case 'reencrypt':
        return codeOf(store.keys.reencrypt([]))
      case 'give up':
      case 'give up pairwise': {
        const lost = await findLost(store)
        const keys = lost.keys.filter(({ use }) => operation === 'give up pairwise' || use !== 'pairwise')
        return codeOf(deleteLost(store, { ...lost, keys }, []))
      }
      default:
        return codeOf(ring.cutOff(operation))
    }
  }

  /** What is cut, by its lines. */
  const cutLines: Readonly<Record<Cut, readonly string[]>> = {
    signing: algorithms,
    cookies: ['cookie'],
    all: [...algorithms, 'cookie'],
  }

  async function prepare({ age, hurt, ring: name, ran, retireDays }: World) {
    await run(right, 'test-empty', 'DELETE FROM keys')
    await run(right, `test-put-${age}`, `INSERT INTO keys SELECT * FROM keys_${age}`)
    const running = ran ? ringOf(right, { retireDays }) : undefined
    await running?.load()
    const whole = await rowsOf()
    for (const { row, how } of hurt) await right.database.query(damage[how], [whole[row % whole.length]!.id])
    const [rows, store] = [await rowsOf(), stores.get(name)!]
    const opened = await openedBy(store)
    const proved = new Set(rows.filter(({ id }) => opened.has(id)).map(({ keyId }) => keyId))
    const wrongRing = lines.some((line) => {
      const used = inUse(rows, line)!
      return !opened.has(used.id) && !proved.has(used.keyId)
    })
    return { running, rows, store, opened, wrongRing }
  }

  async function holds(world: World): Promise<void> {
    const { operation, aheadMs } = world
    const { running, rows, store, opened, wrongRing } = await prepare(world)
    const before = running?.current()
    const ring = ringOf(store, world)
    const code = await operate(world, store, ring)
    const after = await rowsOf()
    const left = new Map(after.map((row) => [row.id, row]))
    const gone = rows.filter(({ id }) => !left.has(id))
    const made = after.filter(({ id }) => !rows.some((row) => row.id === id))

    if (operation === 'start' || operation === 'rotate' || operation === 'now') {
      const refused = Math.abs(aheadMs) >= minute ? 'CLOCKS_DIFFER' : wrongRing ? 'KEY_RING' : undefined
      if (refused === undefined) expect(code).to.equal(undefined)
      else {
        expect(code).to.match(/^CLOCKS_DIFFER$|^KEY_RING_LACKS_KEY$|^SEALED_ROW_DAMAGED$/)
        expect(code === 'CLOCKS_DIFFER').to.equal(refused === 'CLOCKS_DIFFER')
        expect(made).to.deep.equal([])
      }
      const over = rows.filter((row) => refused === undefined && opened.has(row.id) && isOver(row, rows, opened, world))
      expect(gone.map(({ id }) => id)).to.have.members(over.map(({ id }) => id))
      if (refused === undefined) {
        const keys = ring.current()
        await signsAndVerifies(keys)
        for (const line of algorithms) {
          const best = rows.filter((row) => opened.has(row.id) && row.line === line && row.active_at <= row.now)
            .toSorted((a, b) => +a.active_at - +b.active_at).at(-1) // prettier-ignore
          if (best) expect(keys.signing.find(({ alg }) => alg === line)!.kid).to.equal(best.id)
        }
        const pairwise = rows.find(({ line }) => line === 'pairwise')!
        if (opened.has(pairwise.id)) expect(keys.pairwise().export()).to.have.length(32)
        else expect(() => keys.pairwise()).to.throw(/KEY_RING_LACKS_KEY|SEALED_ROW_DAMAGED/)
      }
      // one of each line, not one at each look
      await codeOf(ring.load())
      expect(await rowsOf()).to.have.length(after.length)
      expect(new Set(made.map(({ line }) => line)).size).to.equal(made.length)
      expect(made.map(({ line }) => line)).to.not.include('pairwise')
    } else expect(code).to.equal(undefined)

    // what does not open is as it was, whoever looked at it
    for (const row of rows.filter(({ id }) => left.has(id) && !opened.has(id)))
      expect(left.get(row.id)).to.include({ secret: row.secret, keyId: row.keyId, times: row.times })
    if (operation === 'reencrypt') {
      expect([gone, made]).to.deep.equal([[], []])
      const current = world.ring === 'right' || world.ring === 'with other bytes' ? 'one' : 'newer'
      for (const id of opened) expect(left.get(id)!.keyId).to.equal(current)
    }
    if (operation === 'give up' || operation === 'give up pairwise') {
      const doomed = rows.filter(({ id, line }) => !opened.has(id) && (line !== 'pairwise' || operation !== 'give up'))
      expect(gone.map(({ id }) => id)).to.have.members(doomed.map(({ id }) => id))
      expect(made).to.deep.equal([])
    }
    if (operation === 'signing' || operation === 'cookies' || operation === 'all') {
      const cut = rows.filter(({ line }) => cutLines[operation].includes(line))
      expect(gone.map(({ id }) => id)).to.have.members(cut.map(({ id }) => id))
      expect(made.map(({ line }) => line)).to.have.members(cutLines[operation])
    }
    // after the two ways out every server starts
    if (operation === 'all' || operation.startsWith('give up')) {
      const next = ringOf(store)
      await next.load()
      await signsAndVerifies(next.current())
      await next.stop()
    }

    if (running && before) {
      // a server that ran goes on, with all that was not cut off
      await codeOf(running.load())
      const now = running.current()
      const kidsNow = now.published.map(({ kid }) => kid!)
      const kept = before.published.map(({ kid }) => kid!).filter((kid) => left.has(kid))
      expect(kidsNow).to.include.members(kept)
      if (gone.length === 0 || operation === 'cookies') await signsAndVerifies(now)
      // applications may have read /jwks a moment ago
      if (gone.length === 0)
        for (const { kid, key_ops: uses } of now.signing)
          if (uses === undefined) expect(before.published.map((key) => key.kid)).to.include(kid)
      if (gone.length === 0)
        for (const row of rows.filter(({ line }) => line === 'cookie'))
          expect(now.cookies.find('session', row.id)).to.not.equal(undefined)
      if (gone.length === 0) expect(now.pairwise().equals(before.pairwise())).to.equal(true)
      await running.stop()
    }
    await ring.stop()
  }

  it('F42 F68 no operation, ring or clock loses a key that opens or changes one that does not, a running server goes on, and the ways out work', async function () {
    this.timeout(1_800_000)
    let [refused, damaged] = [0, 0]
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        if (world.ring !== 'right' || world.aheadMs !== 0) refused++
        if (world.hurt.length > 0) damaged++
        await holds(world)
      }),
      { numRuns: propertyRuns(400) },
    )
    expect(Math.min(refused, damaged)).to.be.greaterThan(0)
  })
})
