import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'

// .ci/run with another npm in front of the real one: what it runs, how it counts, and what it says at the end.

describe('.ci/run', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nauthera-ci-run-'))
    mkdirSync(join(directory, 'repository'))
    mkdirSync(join(directory, 'bin'))
    cpSync('.ci', join(directory, 'repository/.ci'), { recursive: true })
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  /** @param says what `npm` prints and does, by the name of the script */
  const run = (says: Readonly<Record<string, string>>) => {
    const cases = Object.entries(says).map(([name, commands]) => `  *" ${name} "*) ${commands};;`)
    const npm = `#!/bin/sh\necho "$*" >>"${directory}/asked"\ncase " $* " in\n${cases.join('\n')}\nesac\n`
    writeFileSync(join(directory, 'bin/npm'), npm, { mode: 0o755 })
    const { status, stdout } = spawnSync('bash', [join(directory, 'repository/.ci/run')], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(directory, 'bin')}:${process.env['PATH']}` },
    })
    const lines = stdout.trimEnd().split('\n')
    return { status, lines, last: lines.at(-1) }
  }
  const withKit = () => mkdirSync(join(directory, 'shared/cluster'), { recursive: true })

  it('adds up what each step says, and counts a step that says no numbers as one', () => {
    withKit()
    const { status, last } = run({ test: 'echo "30 passed, 0 failed"', faults: 'echo "7 passed, 0 failed"' })
    expect(last).to.equal('39 passed, 0 failed')
    expect(status).to.equal(0)
  })

  it('adds tests that were skipped', () => {
    withKit()
    const { last } = run({ test: 'echo "30 passed, 0 failed, 2 skipped"', e2e: 'echo "5 passed, 0 failed, 4 skipped"' })
    expect(last).to.equal('37 passed, 0 failed, 6 skipped')
  })

  it('fails when a step fails, with numbers or without', () => {
    withKit()
    const { status, last } = run({ check: 'exit 1', test: 'echo "30 passed, 2 failed"; exit 1', faults: 'exit 3' })
    expect(last).to.equal('31 passed, 4 failed')
    expect(status).to.equal(1)
  })

  it('fails when a step says that nothing failed, and fails', () => {
    withKit()
    const { status, last } = run({ test: 'echo "30 passed, 0 failed"; exit 1' })
    expect(last).to.equal('33 passed, 1 failed')
    expect(status).to.equal(1)
  })

  it('says again at the end what failed: the words of mocha, and the last lines of the step', () => {
    withKit()
    const mocha = String.raw`printf '  ok\n\033[31m  1 failing\033[0m\n\n  1) a code\n  is used once\n\n8 passed, 1 failed\nafter\n'; exit 1`
    const { lines } = run({ check: 'echo "a wrong line"; exit 1', test: mocha })
    expect(lines.slice(lines.indexOf('=== check failed:'))).to.eql([
      '=== check failed:',
      '=== check ended with:',
      'a wrong line',
      '=== test failed:',
      '  1 failing',
      '  1) a code',
      '  is used once',
      '=== test ended with:',
      '  ok',
      '  1 failing',
      '  1) a code',
      '  is used once',
      'after',
      '10 passed, 2 failed',
    ])
  })

  it('says at the end that images and e2e were skipped where there is no kit, and counts them', () => {
    const { status, last, lines } = run({ test: 'echo "30 passed, 0 failed"' })
    expect(last).to.equal('32 passed, 0 failed, 2 skipped')
    expect(lines.at(-3)).to.match(/^=== images was skipped: there is no kit .*npm run images -- --check$/)
    expect(lines.at(-2)).to.match(/^=== e2e was skipped: there is no kit .*npm run e2e/)
    expect(status).to.equal(0)
  })
})
