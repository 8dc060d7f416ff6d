import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { nameBackup, planKeep, tidy, writeWhole } from '../../../src/cli/backup/backup-directory.ts'
import type { FoundBackup } from '../../../src/cli/backup/backup-directory.ts'

/** Of one host, of hosts whose names begin alike, and of one host with other ports and paths. */
const issuers = [
  'https://auth.example',
  'https://auth.example/a',
  'https://auth.example/b',
  'https://auth.example:8443',
  'https://auth.example-2',
]
const day = 86_400_000
const now = Date.parse('2026-06-01T00:00:00Z')
const writtenAt = (ago: number) => new Date(now - ago)

type Kind = 'backup' | 'of a later release' | 'no backup' | 'left' | 'being written' | 'left empty'
interface Laid {
  readonly issuer: string
  readonly kind: Kind
  /** Days before the file that is written; negative for later ones. */
  readonly age: number
}

const anyLaid = fc.record<Laid>({
  issuer: fc.constantFrom(...issuers),
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant<Kind>('backup') },
    fc.constantFrom<Kind>('of a later release', 'no backup', 'left', 'being written', 'left empty'),
  ),
  age: fc.integer({ min: -3, max: 30 }),
})

const headOf = ({ issuer, kind, age }: Laid) => ({
  nauthera: 'backup',
  format: kind === 'of a later release' ? 2 : 1,
  createdAt: writtenAt(age * day).toISOString(),
  release: '1.2.3',
  issuer,
  schema: [],
  sealed: {},
})

describe('a directory of backups', () => {
  let directory: string
  let at: string
  let cases = 0
  before(() => void (directory = temporaryDirectory('backups')))
  beforeEach(() => void (at = ''))

  const lay = (one: Laid): { readonly name: string; readonly laid: Laid } => {
    const isUnfinished = ['left', 'being written', 'left empty'].includes(one.kind)
    // a name says what it likes
    const name = `${nameBackup({ issuer: one.issuer, createdAt: writtenAt(one.age * day).toISOString() })}${isUnfinished ? '.part' : ''}`
    const text = one.kind === 'no backup' ? 'notes' : one.kind === 'left empty' ? '' : JSON.stringify(headOf(one))
    writeFileSync(join(at, name), text === '' ? '' : `${text}\n`)
    const ago = one.kind === 'being written' ? 3_600_000 : 2 * day
    utimesSync(join(at, name), writtenAt(ago), writtenAt(ago))
    return { name, laid: one }
  }

  it('loses no file but older backups of the issuer beyond --keep, and what its dead runs left; and each is named', async () => {
    const story = fc.record({
      laid: fc.array(anyLaid, { maxLength: 12 }),
      issuer: fc.constantFrom(...issuers),
      keep: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(story, async ({ laid, issuer, keep }) => {
        at = join(directory, `${cases++}`)
        mkdirSync(at)
        const files = laid.map(lay)
        const createdAt = new Date(now).toISOString()
        const own = { name: nameBackup({ issuer, createdAt }), issuer, createdAt }
        const head = headOf({ issuer, kind: 'backup', age: 0 })
        await writeWhole(
          join(at, own.name),
          (async function* () {
            yield Buffer.from(`${JSON.stringify(head)}\n`)
          })(),
        )
        utimesSync(join(at, own.name), new Date(now), new Date(now))
        const all = new Set(readdirSync(at))
        const { deleted, later } = await tidy(at, own, keep)
        const left = new Set(readdirSync(at))
        const gone = files.filter(({ name }) => !left.has(name))
        expect([...all].filter((name) => !left.has(name))).to.have.members(deleted)
        expect(left).to.include(own.name)
        for (const { laid: one } of gone) {
          expect(['backup', 'left', 'left empty']).to.include(one.kind)
          const isOurs = one.kind === 'left empty' ? new URL(one.issuer).hostname : one.issuer
          expect(isOurs).to.equal(one.kind === 'left empty' ? new URL(issuer).hostname : issuer)
        }
        const ours = files.filter(({ laid: one }) => one.kind === 'backup' && one.issuer === issuer)
        const older = ours.filter(({ laid: { age } }) => age > 0).toSorted((a, b) => a.laid.age - b.laid.age)
        const kept = older.filter(({ name }) => left.has(name)).map(({ laid: { age } }) => age)
        const sure = older.slice(0, keep === undefined ? undefined : keep - 1).map(({ laid: { age } }) => age)
        const ties = ours.filter(({ laid: { age } }) => age === 0)
        if (ties.length === 0) expect(kept).to.deep.equal(sure)
        const future = ours.filter(({ laid: { age } }) => age < 0).map(({ name }) => name)
        for (const name of future) expect(left).to.include(name)
        if (keep !== undefined) expect(later).to.include.members(future)
        const dead = files.filter(({ laid: one }) => one.kind === 'left' && one.issuer === issuer)
        for (const { name } of dead) expect(left).not.to.include(name)
        rmSync(at, { recursive: true })
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  it('keeps the newest of any number of runs at the same time, whatever each of them saw', () => {
    const issuer = issuers[0]!
    const someFiles = fc.uniqueArray(fc.record({ name: fc.string(), ago: fc.nat(5) }), {
      selector: ({ name }) => name,
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(someFiles, fc.integer({ min: 1, max: 3 }), (files, keep) => {
        const all = files.map(({ name, ago }): FoundBackup => ({
          name,
          issuer,
          createdAt: writtenAt(ago).toISOString(),
        }))
        const deleted = new Set(all.flatMap((own) => planKeep(all, own, keep).deleted))
        expect(all.length - deleted.size).to.equal(Math.min(keep, all.length))
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('never takes the name of another run, of another issuer on the host within the same second', () => {
    const createdAt = '2026-01-31T08:00:00.123Z'
    const names = new Set(
      issuers.flatMap((issuer) => [nameBackup({ issuer, createdAt }), nameBackup({ issuer, createdAt })]),
    )
    expect(names.size).to.equal(2 * issuers.length)
    expect([...names][0]).to.match(/^nauthera-auth\.example-20260131T080000Z-[0-9a-f]{8}\.backup$/)
  })
})
