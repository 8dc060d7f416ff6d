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
