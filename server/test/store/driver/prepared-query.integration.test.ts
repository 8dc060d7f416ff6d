import { expect } from 'chai'
import pgPromise from 'pg-promise'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { PreparedQuery } from '../../../src/store/driver/prepared-query.ts'
import { createDatabase } from '../../../src/store/driver/postgres.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Database } from '../../../src/store/driver/database.ts'
import { connectionOf } from '../fresh-store.ts'

const reasonOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', String)

describe(PreparedQuery.name, () => {
  let database: Database
  let url: string
  before(async () => {
    url = (await freshDatabase()).url
    // one connection: each test meets what the one before has left on it
    database = createDatabase({ connection: { ...connectionOf(url), poolMax: 1 }, log })
  })
  after(async () => database.stop())

  const values = [
    ['text', 'text', 'Zoë "\\ \u{1F600}'],
    ['an empty text', 'text', ''],
    ['nothing', 'text', null],
    ['a number', 'integer', -7],
    ['a large number', 'bigint', 2 ** 40],
    ['a fraction', 'float8', 0.25],
    ['true', 'boolean', true],
    ['a time to the millisecond', 'timestamptz', new Date('2026-03-29T01:30:00.123Z')],
    ['bytes', 'bytea', Buffer.of(0, 255, 92, 39)],
    ['a list of texts', 'text[]', ['a', 'b"c', 'd\\e', '', 'NULL', '{f,g}', 'h\ni']],
    ['an empty list', 'text[]', []],
    ['a list of bytes', 'bytea[]', [Buffer.of(1, 2), Buffer.of()]],
    ['JSON', 'jsonb', { a: [1, null, { b: 'é' }] }],
  ] as const
  for (const [what, type, value] of values)
    it(`sends ${what} and gets it back`, async () => {
      const echo = statement(`test-echo-${what}`, `SELECT $1::${type} AS value, $1::${type} IS NULL AS missing`)
      for (const _time of ['first', 'second'])
        expect(await database.query(echo, [value])).to.deep.equal([{ value, missing: value === null }])
    })

  it('takes values by name, each as often as the statement says it, and refuses a name without a value', async () => {
    const add = statement('test-names', 'SELECT $two::integer + $one::integer * $one::integer AS sum')
    expect(await database.query(add, { one: 3, two: 4, three: 5 })).to.deep.equal([{ sum: 13 }])
    expect(await database.query(add, { one: 3, two: undefined })).to.deep.equal([{ sum: null }])
    expect(await reasonOf(database.query(add, { one: 3, tow: 4 }))).to.contain('test-names: no value for $two')
  })

  it('gives many rows, and none, in their order', async () => {
    const count = statement('test-count', 'SELECT n FROM generate_series(1, $1::integer) n')
    for (const rows of [0, 3, 10_000, 0])
      expect(await database.query(count, [rows])).to.deep.equal(Array.from({ length: rows }, (_, n) => ({ n: n + 1 })))
  })

  it('gives no rows for a statement that has none', async () => {
    expect(await database.query(statement('test-table', 'CREATE TABLE numbers (n integer)'))).to.deep.equal([])
    const insert = statement('test-insert', 'INSERT INTO numbers VALUES ($1)')
    for (const n of [1, 2]) expect(await database.query(insert, [n])).to.deep.equal([])
  })

  it('goes on after a statement that failed, when it was prepared and when it ran', async () => {
    const wrong = statement('test-wrong', 'SELECT * FROM not_there')
    const divide = statement('test-divide', 'SELECT 6 / $1::integer AS result')
    expect(await reasonOf(database.query(wrong))).to.contain('not_there')
    for (const _time of ['first', 'second']) {
      expect(await reasonOf(database.query(divide, [0]))).to.contain('division by zero')
      expect(await database.query(divide, [2])).to.deep.equal([{ result: 3 }])
    }
  })

  it('sends nothing for a value that cannot be written, and goes on', async () => {
    const echo = statement('test-date', 'SELECT $1::timestamptz AS value')
    expect(await reasonOf(database.query(echo, [new Date(Number.NaN)]))).to.contain('Invalid time value')
    expect(await database.query(echo, [null])).to.deep.equal([{ value: null }])
  })

  it('goes on with a statement that is prepared but was not described', async () => {
    const pool = pgPromise({ noWarnings: true })(url)
    const wire = await pool.connect()
    try {
      const asked = { name: 'test-cut', text: 'SELECT n, n + 1 AS next FROM generate_series(1, 2) n' }
      // by the driver, which leaves no columns here: as a statement that is cancelled between the two
      await wire.client.query(asked)
      const prepared = () =>
        new Promise<unknown>((resolve, reject) => {
          const callback: PreparedQuery['callback'] = (error, rows) => (error ? reject(error as Error) : resolve(rows))
          void wire.client.query(new PreparedQuery({ asked, values: [], parsers: () => Number, callback }))
        })
      for (const _time of ['first', 'second'])
        expect(await prepared()).to.deep.equal([
          { n: 1, next: 2 },
          { n: 2, next: 3 },
        ])
    } finally {
      await wire.done(true)
      await pool.$pool.end()
    }
  })

  it('goes on after the columns of a table have changed', async () => {
    await database.query(statement('test-grows', 'CREATE TABLE grows (n integer)'))
    const all = statement('test-all', 'SELECT * FROM grows')
    expect(await database.query(all)).to.deep.equal([])
    await database.query(statement('test-alter', 'ALTER TABLE grows ADD m integer'))
    await database.query(statement('test-fill', 'INSERT INTO grows VALUES (1, 2)'))
    expect(await database.query(all)).to.deep.equal([{ n: 1, m: 2 }])
    await database.query(statement('test-shrinks', 'ALTER TABLE grows DROP n'))
    const change = statement('test-change', 'UPDATE grows SET m = m + 1 RETURNING *')
    expect(await database.query(change)).to.deep.equal([{ m: 3 }])
    await database.query(statement('test-alter-again', 'ALTER TABLE grows ADD o integer'))
    const found = await database.transaction(async (connection) => [
      await connection.query(statement('test-one', 'SELECT 1 AS one')),
      await connection.query(change),
    ])
    expect(found).to.deep.equal([[{ one: 1 }], [{ m: 4, o: null }]])
  })

  it('refuses a second text under one name', async () => {
    const name = 'test-name'
    await database.query(statement(name, 'SELECT 1 AS one'))
    expect(await reasonOf(database.query(statement(name, 'SELECT 2 AS two')))).to.contain('two statements of the name')
  })
})
