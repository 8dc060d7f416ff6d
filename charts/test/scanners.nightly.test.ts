import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { render } from './support/render.ts'

// kube-score (go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0) and checkov (pip install checkov==3.3.30), where they are on the
// PATH. Each finding has its row in docs/hardening.md.

const page = readFileSync(resolve(import.meta.dirname, '../../docs/hardening.md'), 'utf8')

describe('what scanners find in the chart', function () {
  this.timeout(300_000)
  let directory: string
  const files: Record<string, string> = {}
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nauthera-scan-'))
    for (const mode of ['minimal', 'hardened']) {
      files[mode] = join(directory, `${mode}.yaml`)
      writeFileSync(files[mode]!, await render({ mode }))
    }
  })
  after(() => rmSync(directory, { recursive: true }))

  const outputOf = (test: Mocha.Context, program: string, args: readonly string[]): string => {
    const { stdout, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20 })
    if (error !== undefined) {
      process.stderr.write(`${program} is not there\n`)
      test.skip()
    }
    return stdout
  }

  const unanswered = (found: Iterable<string>): string[] => [...new Set(found)].filter((text) => !page.includes(text))

  for (const mode of ['minimal', 'hardened'])
    it(`kube-score: each finding of ${mode} is answered in docs/hardening.md`, function () {
      const lines = outputOf(this, 'kube-score', ['score', files[mode]!, '--output-format', 'ci']).split('\n')
      const found = lines.flatMap((line) => /^\[(?:CRITICAL|WARNING)\] .*?: (?:\([^)]*\) )?(.*)$/.exec(line)?.[1] ?? [])
      expect(found.length).to.be.greaterThan(0)
      expect(unanswered(found)).to.deep.equal([])
    })

  for (const mode of ['minimal', 'hardened'])
    it(`checkov: each finding of ${mode} is answered in docs/hardening.md`, function () {
      const args = ['-f', files[mode]!, '--framework', 'kubernetes', '--compact', '--quiet']
      const said = outputOf(this, 'checkov', args)
      expect(said).to.match(/Passed checks: \d+/)
      expect(unanswered([...said.matchAll(/^Check: (CKV\w+):/gm)].map(([, check]) => check!))).to.deep.equal([])
      if (mode === 'hardened') expect(said).to.contain('Failed checks: 0')
    })
})
