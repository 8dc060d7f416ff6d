import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { allCells, parts, restoreCell } from './restored-cells.ts'
import type { RestoreCell, RestoredCell } from './restored-cells.ts'

const page = new URL('../../../docs/runbooks/restore.md', import.meta.url)

const whatIs: Readonly<Record<RestoreCell['value'], string>> = {
  known: 'valid by the shard',
  older: 'the previous one, in its overlap',
  ended: 'ended by the shard',
  unknown: 'in no shard',
  forged: 'not what the marks say',
}
const columns: readonly Pick<RestoreCell, 'lost' | 'said'>[] = [
  { lost: 'nothing', said: false },
  { lost: 'shard', said: false },
  { lost: 'namespace', said: false },
  { lost: 'nothing', said: true },
]
const endOf = ({ end, restoredFrom }: RestoredCell): string =>
  end === 'a new secret' && restoredFrom !== undefined ? 'restored, with a new secret' : end

describe('a Secret that comes back from a backup', () => {
  let found: readonly (readonly [cell: RestoreCell, became: RestoredCell])[]
  before(async () => {
    found = await Promise.all(allCells().map(async (cell) => [cell, await restoreCell(cell)] as const))
  })
  const endsOf = (those: Partial<RestoreCell>): readonly string[] => {
    const fits = (cell: RestoreCell) => Object.entries(those).every(([part, one]) => cell[part as 'lost'] === one)
    return [...new Set(found.flatMap(([cell, became]) => (fits(cell) ? endOf(became) : [])))]
  }

  it('F43 K22 in every case is accepted before it is ready, is never forged, and ends what the client had meanwhile by its overlap', () => {
    expect(found.length).to.equal(1200)
    expect(found.filter(([, { faults }]) => faults.length > 0).slice(0, 5)).to.deep.equal([])
  })

  /** The rows of the page by their first three columns. */
  const rowsOf = (place: RestoreCell['place']): readonly string[] =>
    parts.first.flatMap((first) =>
      parts.uid.flatMap((uid) =>
        parts.value.map((value) => {
          const those = { place, first, uid, value, proof: 'there' } as const
          const ends = columns.map((column) => endsOf({ ...those, ...column }).join(' or '))
          return `| ${first} | ${uid} | ${whatIs[value]} | ${ends.join(' | ')} |`
        }),
      ),
    )

  it('F43 ends as docs/runbooks/restore.md says, whoever owns it', () => {
    expect(readFileSync(page, 'utf8')).to.include(rowsOf('hub').join('\n'))
  })

  it('F43 ends in a joined cluster as in its hub, but for the rows that the page has for it', () => {
    const known = rowsOf('hub')
    expect(readFileSync(page, 'utf8')).to.include(
      rowsOf('spoke')
        .filter((row) => !known.includes(row))
        .join('\n'),
    )
  })

  it('K22 is never restored to a client with another uid without its proof, nor is what somebody put into it', () => {
    expect(endsOf({ proof: 'lost', uid: 'new', first: 'Secret' })).to.deep.equal(['stays'])
    expect(endsOf({ proof: 'lost', uid: 'new', first: 'client' })).to.deep.equal(['a new secret'])
    expect(endsOf({ value: 'forged' })).to.not.include('restored')
  })
})
