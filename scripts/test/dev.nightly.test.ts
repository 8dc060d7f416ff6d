import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'

const root = fileURLToPath(new URL('../..', import.meta.url))

// `npm test` has it of a run that is there (dev.integration.test.ts), which needs no second start of everything
describe('npm run dev -- --rotate, with nothing that runs', () => {
  it('starts all of it, and reports a new secret, the overlap of the old one and no failed request', async () => {
    const command = ['scripts/dev.ts', '--rotate', 'demo-machine', '--json']
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root })
    const report = JSON.parse(stdout) as { from: string; to: string; failures: number; previousAccepted: number }
    expect(report).to.include({ failures: 0, previousAccepted: 1 })
    expect(report.to).to.not.equal(report.from)
  })
})
