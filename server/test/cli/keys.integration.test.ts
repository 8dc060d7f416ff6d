import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { statement } from '../../src/store/driver/database.ts'
import { openNauthera } from './run-nauthera.ts'
import type { Nauthera } from './run-nauthera.ts'

const damage = statement(
  'test-damage',
  'UPDATE keys SET secret = set_byte(secret, 20, get_byte(secret, 20) # 1) WHERE id = ANY($1)',
)

describe('nauthera keys, with a row that does not open', function () {
  let nauthera: Nauthera
  beforeEach(async () => {
    nauthera = await openNauthera()
    await nauthera.run(['keys', 'rotate'])
    await nauthera.run(['keys', 'rotate'])
  })
  afterEach(() => nauthera.stop())

  const listed = async () => (await nauthera.run(['keys', 'list', '-o', 'json'])).json()
  const idsOf = async (use: string, state: string) =>
    (await listed()).filter((key) => key['use'] === use && key['state'] === state).map(({ id }) => String(id))
  const damageKeys = (ids: readonly string[]) => nauthera.fresh.replica().database.query(damage, [ids])

  it('rotates the other lines', async () => {
    const [next] = await idsOf('sig', 'next')
    await damageKeys([next!])
    const rotated = await nauthera.run(['keys', 'rotate', '--now'])
    expect(rotated.code, rotated.err).to.equal(0)
  })

  it('cuts the keys off', async () => {
    const [next] = await idsOf('sig', 'next')
    await damageKeys([next!])
    const cut = await nauthera.run(['keys', 'rotate', '--now', '--cut', 'all', '--yes'])
    expect(cut.code, cut.err).to.equal(0)
    expect((await listed()).map(({ id }) => id)).to.not.include(next)
  })

  it('gives up what no key of the ring opens, by its bytes as by its id', async () => {
    const [next] = await idsOf('sig', 'next')
    await damageKeys([next!])
    const given = await nauthera.run(['keys', 'give-up', '--yes', '-o', 'json'])
    expect(given.code, given.err).to.equal(0)
    expect(given.json()[0]).to.include({ keys: 1 })
    expect((await listed()).map(({ id }) => id)).to.not.include(next)
  })

  it('says so when no key opens at all, with a ring that has other bytes under the same name', async () => {
    writeFileSync(join(nauthera.keysDirectory, 'k1'), randomBytes(32))
    const before = await listed()
    expect(before.map(({ opens }) => opens)).to.deep.equal(before.map(() => false))
    const no = await nauthera.run(['keys', 'give-up'], { typed: 'n\n' })
    expect([no.code, no.err.includes('no key opens at all')]).to.deep.equal([2, true])
    const rotated = await nauthera.run(['keys', 'rotate'])
    expect([rotated.code, rotated.err.includes('SEALED_ROW_DAMAGED')]).to.deep.equal([1, true])
    expect(await listed()).to.deep.equal(before)
    const cut = await nauthera.run(['keys', 'rotate', '--now', '--cut', 'all', '--yes'])
    expect(cut.code, cut.err).to.equal(0)
    const opening = (await listed()).filter(({ opens }) => opens === true).map(({ use }) => use)
    expect(opening).to.have.members(['cookie', 'sig', 'sig'])
    expect((await nauthera.run(['keys', 'rotate'])).code).to.equal(0)
    const [pairwise] = before.filter(({ use }) => use === 'pairwise')
    expect((await listed()).filter(({ use }) => use === 'pairwise').map(({ id }) => id)).to.deep.equal([
      pairwise!['id'],
    ])
  })

  it('never gives up the key of pairwise subjects without its name, in question, help and command', async () => {
    const [pairwise] = await idsOf('pairwise', 'active')
    await damageKeys([pairwise!])
    const help = await nauthera.run(['keys', 'give-up', '--help'])
    expect(help.out).to.include('--pairwise <id>').and.include('under another sub')
    const kept = await nauthera.run(['keys', 'give-up', '--yes', '-o', 'json'])
    expect([kept.code, kept.json()[0]!['keys']]).to.deep.equal([0, 0])
    expect(kept.err).to.include(`--pairwise ${pairwise}`).and.include('under another sub')
    const wrong = await nauthera.run(['keys', 'give-up', '--yes', '--pairwise', 'another'])
    expect([wrong.code, wrong.err.includes('another is no key of pairwise subjects')]).to.deep.equal([2, true])
    const asked = await nauthera.run(['keys', 'give-up', '--pairwise', pairwise!], { typed: 'n\n' })
    expect(asked.code).to.equal(2)
    expect(asked.err).to.include(`the key of pairwise subjects ${pairwise}`).and.include('under another sub')
    expect((await listed()).map(({ id }) => id)).to.include(pairwise)
    const given = await nauthera.run(['keys', 'give-up', '--yes', '--pairwise', pairwise!, '-o', 'json'])
    expect(given.json()[0]).to.include({ keys: 1 })
    expect((await listed()).map(({ id }) => id)).to.not.include(pairwise)
  })

  it('encrypts the other rows again, names this one, and ends with 1', async () => {
    const [next] = await idsOf('sig', 'next')
    await damageKeys([next!])
    writeFileSync(join(nauthera.keysDirectory, 'k2'), randomBytes(32))
    writeFileSync(join(nauthera.keysDirectory, 'current'), 'k2')
    const done = await nauthera.run(['keys', 'reencrypt', '-o', 'json'])
    expect([done.code, done.json()[0]!['left']]).to.deep.equal([1, 1])
    expect(done.err).to.include(next).and.include('does not open with key k1')
    const rows = await listed()
    expect(rows.filter(({ encryptedBy }) => encryptedBy === 'k1').map(({ id }) => id)).to.deep.equal([next])
  })
})
