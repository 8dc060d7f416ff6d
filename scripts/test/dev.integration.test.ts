import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { reapProcess } from '@nauthera/local/processes/reaper'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function dev(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['scripts/dev.ts', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  reapProcess(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, ...output }
}

describe('npm run dev', function () {
  this.timeout(90_000)

  it('--once --json prints one line with issuer, revision, replicas and verified claims, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await dev('--once', '--json', '--replicas', '2')
    expect(code, stderr).to.equal(0)
    const lines = stdout.split('\n').filter(Boolean)
    expect(lines).to.have.length(1)
    const report = JSON.parse(lines[0]!) as {
      issuer: string
      revision: string
      replicas: number
      claims: Record<string, unknown>
    }
    expect(report.issuer).to.match(/^http:\/\/localhost:\d+$/)
    expect(report.revision).to.match(/^[0-9a-f]{8}$/)
    expect(report.replicas).to.equal(2)
    expect(report.claims).to.include({ iss: report.issuer, client_id: 'demo.demo-machine' })
    expect(readdirSync(`${root}.nauthera`).filter((name) => name.startsWith('once-'))).to.deep.equal([])
  })

  it('--rotate reports a new secret, the overlap of the old one and no failed request', async () => {
    const { code, stdout, stderr } = await dev('--rotate', 'demo-machine', '--json')
    expect(code, stderr).to.equal(0)
    const report = JSON.parse(stdout) as {
      from: string
      to: string
      failures: number
      requests: number
      previousAccepted: number
    }
    expect(report.failures).to.equal(0)
    expect(report.to).to.not.equal(report.from)
    expect(report.previousAccepted).to.equal(1)
  })

  it('--help prints its options, and an unknown option is refused with code 2', async () => {
    expect((await dev('--help')).stdout).to.include('--replicas N')
    const wrong = await dev('--replicas', '0')
    expect(wrong.code).to.equal(2)
    expect(wrong.stderr).to.include('--replicas 0: must be a number from 1 to 9')
    expect((await dev('--replica', '3')).code).to.equal(2)
  })

  const refused: readonly (readonly [args: readonly string[], says: string])[] = [
    [['--issuer', 'https://a.example/?x'], '--issuer https://a.example/?x: must have no query and no fragment'],
    [['--issuer', 'http://evil.example'], '--issuer http://evil.example: must be an https URL'],
    [['--issuer', 'https://a.example/x/../y'], 'must be written as https://a.example/y'],
    [['--rotate', 'a/b/c'], '--rotate a/b/c: must be NAME or NAMESPACE/NAME'],
    [['--rotate', 'a/'], '--rotate a/: must be NAME or NAMESPACE/NAME'],
    [['--rotate', ''], '--rotate : must be NAME or NAMESPACE/NAME'],
  ]
  for (const [args, says] of refused) {
    it(`refuses ${args.join(' ')} before anything starts`, async () => {
      const { code, stderr, stdout } = await dev('--once', ...args)
      expect(stderr).to.include(says)
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' })
    })
  }
})
