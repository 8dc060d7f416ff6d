import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('npm test -- --grep', () => {
  it('finds a test by its title among all files of the suite', async () => {
    // a suite of fewer files than that of npm test: all of them are loaded for it
    const title = 'would see a replica that lags for longer than a key is published'
    const command = ['scripts/test.ts', '--suite', 'faults', '--grep', title]
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root })
    expect(stdout.trim().split('\n').at(-1)).to.equal('1 passed, 0 failed')
  })
})

describe('npm test -- --near', () => {
  const run = (...args: string[]) => promisify(execFile)(process.execPath, ['scripts/test.ts', ...args], { cwd: root })

  it('runs the tests of a file, and names them', async () => {
    // with ./, since a test that has the path of a file between quotes is one of its tests
    const { stdout } = await run('--near', './runtime/src/bounded-map.ts')
    expect(stdout).to.match(/^tests of runtime\/src\/bounded-map\.ts:\n {2}runtime\/test\/bounded-map\.test\.ts\n/)
    expect(stdout.trim()).to.match(/[1-9]\d* passed, 0 failed$/)
  })

  for (const [path, fault] of [
    ['./LICENSE', 'no test has its name, ci/test/tested-elsewhere.ts has none for it, and none imports it'],
    ['server/src/gone.ts', 'there is no such file'],
  ] as const) {
    it(`refuses ${path}: ${fault}`, async () => {
      const failed: unknown = await run('--near', path).catch((error: unknown) => error)
      expect(failed).to.include({ code: 2 }).and.to.have.property('stderr').that.includes(`--near ${path}: ${fault}\n`)
    })
  }
})
