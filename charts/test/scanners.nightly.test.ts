import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { render } from './support/render.ts'

// kube-score (go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0) and checkov (pip install checkov==3.3.30), where they are on the
// PATH. Each finding has its row in docs/hardening.md.

const page = readFileSync(resolve(import.meta.dirname, '../../docs/hardening.md'), 'utf8')

describe('what scanners find in the chart', function () {
  this.timeout(300_000)
  let directory: string
  const files: Record<string, string> = {}
  before(async () => {
    directory = temporaryDirectory('scan')
    for (const mode of ['minimal', 'hardened']) {
      files[mode] = join(directory, `${mode}.yaml`)
      writeFileSync(files[mode]!, await render({ mode }))
    }
  })

  const outputOf = (test: Mocha.Context, program: string, args: readonly string[]): string => {
    const { stdout, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20 })
    if (error !== undefined) {
      process.stderr.write(`${program} is not there\n`)
      test.skip()
    }
    return stdout
  }

  /** How often each row of the table of a scanner says that its finding is there. */
  const answered = (scanner: string, mode: string): Record<string, number> => {
    const [, ...rows] = page
      .slice(page.indexOf(`| ${scanner} |`))
      .split('\n\n')[0]!
      .split('\n')
    const cells = rows.slice(1).map((row) => row.split('|').map((cell) => cell.trim()))
    return Object.fromEntries(
      cells.flatMap(([, finding, least, hardened]) => {
        const count = Number(mode === 'minimal' ? least : hardened)
        return count === 0 ? [] : [[namesIn(finding!).join(), count]]
      }),
    )
  }
  const namesIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
  /** The same of what a scanner has found; a row of the table may be about several. */
  const counted = (found: readonly string[], rows: readonly string[]): Record<string, number> => {
    const rowOf = (name: string) => rows.find((row) => row.split(',').includes(name)) ?? name
    const names = found.map(rowOf)
    return Object.fromEntries([...new Set(names)].map((name) => [name, names.filter((one) => one === name).length]))
  }

  for (const mode of ['minimal', 'hardened'])
    it(`kube-score: docs/hardening.md counts and answers each finding of ${mode}`, function () {
      const lines = outputOf(this, 'kube-score', ['score', files[mode]!, '--output-format', 'ci']).split('\n')
      const found = lines.flatMap((line) => /^\[(?:CRITICAL|WARNING)\] .*?: (?:\([^)]*\) )?(.*)$/.exec(line)?.[1] ?? [])
      const rows = answered('kube-score', mode)
      expect(counted(found, Object.keys(rows))).to.deep.equal(rows)
    })

  for (const mode of ['minimal', 'hardened'])
    it(`checkov: docs/hardening.md counts and answers each finding of ${mode}`, function () {
      const args = ['-f', files[mode]!, '--framework', 'kubernetes', '--compact', '--quiet']
      const said = outputOf(this, 'checkov', args)
      expect(said).to.match(/Passed checks: \d+/)
      const found = [...said.matchAll(/^Check: (CKV\w+):/gm)].map(([, check]) => check!)
      const rows = answered('checkov', mode)
      expect(counted(found, Object.keys(rows))).to.deep.equal(rows)
      if (mode === 'hardened') expect(said).to.contain('Failed checks: 0')
    })
})
