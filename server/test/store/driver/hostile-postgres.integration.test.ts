// Whoever speaks as PostgreSQL can say anything at any time.
import type { Socket } from 'node:net'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { asError, hasCode } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import { AssertionError, expect } from 'chai'
import fc from 'fast-check'
import { statement } from '../../../src/store/driver/database.ts'
import type { Database } from '../../../src/store/driver/database.ts'
import { createDatabase } from '../../../src/store/driver/postgres.ts'
import { endlessLies, lies } from './postgres-lies.ts'
import { startUntruePostgres } from './untrue-postgres.ts'
import type { Lie } from './untrue-postgres.ts'

const probe = statement('probe', 'SELECT n, none FROM probe')
const notify = statement('notify', "SELECT pg_notify('channel', '')")
const truth = [
  { n: [1], none: null },
  { n: { a: 2 }, none: 'x' },
]

/** What is asked until a notification was heard, a row was read, and a transaction was committed. */
const opening = 'startup password LISTEN startup password is-standby listen-proof UNLISTEN LISTEN'
const questions = `${opening} probe BEGIN probe COMMIT BEGIN ROLLBACK notify`.split(' ')
const stages = [-1, ...questions.keys()]

async function startWith(lie?: Lie) {
  const postgres = await startUntruePostgres(lie)
  const database = createDatabase({
    connection: {
      host: '127.0.0.1',
      port: postgres.port,
      name: 'n',
      user: 'u',
      password: () => new Secret('p'),
      tls: false,
      poolMax: 1,
      patience: 0.25,
    },
    log,
    listenPatience: 500,
  })
  return {
    postgres,
    database,
    async stop() {
      await database.stop()
      postgres.stop()
    },
  }
}

class Wanted extends Error {}

/** Asks all of it. @throws what is no answer of `questions` */
async function askAll(database: Database): Promise<void> {
  expect(await database.query(probe)).to.deep.equal(truth)
  expect(await database.transaction((connection) => connection.query(probe))).to.deep.equal(truth)
  const ended = await database
    .transaction(() => Promise.reject(new Wanted('rolled back')))
    .catch((error: unknown) => error)
  if (!(ended instanceof Wanted)) throw ended
}

/** Asks until all is answered, and a notification was heard.
 *  @returns what went wrong within a minute; at once, where it neither says that the store is away nor what PostgreSQL said */
async function comesBack(database: Database): Promise<unknown> {
  const end = performance.now() + 60_000
  let wrong: unknown = 'never came back'
  let isListening = false
  let hasHeard = false
  while (performance.now() < end) {
    try {
      if (!isListening) await database.listen('channel', () => (hasHeard = true))
      isListening = true
      await askAll(database)
      await database.query(notify)
      if (hasHeard) return undefined
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE', 'STORE_BEHIND_POOLER') && !isOfPostgres(error)) return error
      wrong = error
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return wrong
}

/** It may refuse any statement, and its rows may be any: that is no fault of the connection. */
const isOfPostgres = (error: unknown) =>
  error instanceof AssertionError || (error instanceof Error && ('severity' in error || 'routine' in error))

const forms: Readonly<Record<string, (lie: Buffer) => Lie['say']>> = {
  whole: (lie) => (socket) => void socket.write(lie),
  'byte by byte': (lie) => async (socket) => {
    for (const byte of lie) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve))
  },
  'cut, and the end': (lie) => (socket) => void socket.end(lie.subarray(0, -3)),
  'before the truth': (lie) => (socket, true_) => void socket.write(Buffer.concat([lie, true_])),
}

/** @returns which of them were not survived */
async function tell(all: readonly (Lie & { what: string })[]): Promise<string[]> {
  const waiting = [...all]
  const lost: string[] = []
  const work = async () => {
    for (let lie = waiting.pop(); lie !== undefined; lie = waiting.pop()) {
      const { database, stop } = await startWith(lie)
      const wrong = await comesBack(database)
      if (wrong !== undefined) lost.push(`${questions[lie.stage]} ${lie.stage}: ${lie.what}: ${String(asError(wrong))}`)
      await stop()
    }
  }
  await Promise.all(Array.from({ length: 20 }, work))
  return lost
}

interface Edit {
  readonly at: number
  readonly byte: number
  readonly kind: number
}

const saying = (edits: readonly Edit[]) => (socket: Socket, answer: Buffer) => {
  let bytes = [...answer]
  for (const { at, byte, kind } of edits) {
    const place = at % (bytes.length + 1)
    if (kind === 0) bytes[place] = byte
    else if (kind === 1) bytes.splice(place, 1)
    else if (kind === 2) bytes.splice(place, 0, byte)
    else bytes = [...bytes, ...bytes.slice(0, place)]
  }
  socket.write(Buffer.from(bytes))
}

describe('a hostile PostgreSQL', () => {
  it('is asked in this order, which the stages below follow', async () => {
    const { database, postgres, stop } = await startWith()
    expect(await comesBack(database)).to.equal(undefined)
    expect(postgres.asked.slice(0, questions.length)).to.deep.equal(questions)
    await stop()
  })

  for (const [form, sayAs] of Object.entries(forms))
    it(`L39 ends nobody, and works once it is sound, whatever it says instead of any answer: ${form}`, async function () {
      this.timeout(240_000)
      const all = stages.flatMap((stage) =>
        lies.map((lie) => ({ stage, say: sayAs(lie), what: JSON.stringify(lie.toString('latin1')) })),
      )
      expect(await tell(all)).to.deep.equal([])
    })

  it('L39 survives a true answer of which some bytes are others, or some are left out or come twice', async function () {
    this.timeout(propertyRuns(12) * 30_000)
    const edit = fc.record({ at: fc.nat(1000), byte: fc.integer({ min: 0, max: 255 }), kind: fc.nat(3) })
    const edits = fc.array(edit, { minLength: 1, maxLength: 4 })
    // one for each answer, all at once: most of the time is waiting
    await fc.assert(
      fc.asyncProperty(fc.tuple(...questions.map(() => edits)), async (all) => {
        const told = all.map((each, stage) => ({ stage, say: saying(each), what: JSON.stringify(each) }))
        expect(await tell(told)).to.deep.equal([])
      }),
      { numRuns: propertyRuns(12) },
    )
  })

  for (const [what, [head, more]] of Object.entries(endlessLies))
    it(`L39 says ${what} without end, and takes no memory`, async () => {
      const block = Buffer.concat(Array.from({ length: Math.ceil(65_536 / more.length) }, () => more))
      const sent = new Map<number, number>()
      const say = (stage: number) => (socket: Socket) => {
        socket.write(head)
        const go = () => {
          while (!socket.destroyed && socket.write(block)) sent.set(stage, (sent.get(stage) ?? 0) + block.length)
        }
        socket.on('drain', go)
        go()
      }
      expect(await tell(stages.map((stage) => ({ stage, say: say(stage), what })))).to.deep.equal([])
      expect([...sent].filter(([, bytes]) => bytes > 40e6)).to.deep.equal([])
    })

  it('L39 closes a connection that it leaves, also where the other side keeps it open', async () => {
    const sayStandby = (socket: Socket, answer: Buffer) => {
      socket.write(Buffer.from(answer.toString('latin1').replace('\x01f', '\x01t'), 'latin1'))
    }
    const stage = questions.indexOf('is-standby')
    const { database, postgres, stop } = await startWith({ stage, say: sayStandby, keepsOpen: true })
    expect(await comesBack(database)).to.equal(undefined)
    while (postgres.open.size > 2) await new Promise((resolve) => setTimeout(resolve, 20))
    await stop()
  })
})
