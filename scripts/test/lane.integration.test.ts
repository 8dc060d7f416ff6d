import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { root } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'

interface Ran {
  readonly passes: number
  readonly failures: number
}

describe('the processes of a suite', () => {
  it('run each file once, and count one that cannot be loaded as a failure', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nauthera-lane-'))
    const forget = reapDirectory(directory)
    const queue = join(directory, 'queue')
    mkdirSync(queue)
    const texts = [
      ...Array.from({ length: 6 }, (_, file) => `describe('${file}', () => { it('holds', () => undefined) })`),
      `import './nothing.mjs'`,
      `describe('has a hook that fails', () => { it('holds', () => undefined); after(() => { throw new Error() }) })`,
      `export const noTest = true`,
      `describe('one suite', () => { it('holds', () => undefined) }); describe('two', () => { it('fails', () => { throw new Error() }) })`,
    ]
    for (const [place, text] of texts.entries()) {
      const file = join(directory, `${place}.mjs`)
      writeFileSync(file, text)
      writeFileSync(join(queue, String(place)), file)
    }
    const lanes = await Promise.all(
      ['a', 'b'].map(async (lane) => {
        const counts = join(directory, lane)
        const run = promisify(execFile)(process.execPath, ['scripts/lane.ts', queue, counts], { cwd: root })
        const [ended] = await Promise.allSettled([run])
        const code = ended.status === 'fulfilled' ? 0 : 1
        return { code, ...(JSON.parse(readFileSync(counts, 'utf8')) as Ran) }
      }),
    )
    const sum = (of: (lane: (typeof lanes)[number]) => number) => lanes.reduce((all, lane) => all + of(lane), 0)
    expect({ passes: sum(({ passes }) => passes), failures: sum(({ failures }) => failures) }).to.deep.equal({
      passes: 8,
      failures: 3,
    })
    expect(lanes.filter(({ code, failures }) => (code === 0) !== (failures === 0))).to.deep.equal([])
    expect(readdirSync(queue)).to.deep.equal([])
    forget()
  })
})
