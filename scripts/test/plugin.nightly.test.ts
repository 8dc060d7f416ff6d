import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

// Nightly: it fetches a binary of Node once and writes 150 MB. Those of other platforms are built alike, and cannot run here.

describe('npm run plugin', function () {
  this.timeout(600_000)
  let out: string
  before(() => {
    out = temporaryDirectory('plugin')
    execFileSync(process.execPath, [
      'scripts/plugin.ts',
      '--platform',
      'linux-amd64',
      '--out',
      out,
      '--url',
      'https://d.example',
    ])
  })

  const directory = () => join(out, 'linux-amd64')
  const run = (program: string, ...args: string[]) =>
    spawnSync(join(directory(), program), args, {
      encoding: 'utf8',
      // no Node in the PATH
      env: { PATH: [directory(), '/usr/bin', '/bin'].join(delimiter) },
    })

  it('builds one file that needs no Node', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(run('kubectl-nauthera', 'version', '--client')).to.include({ status: 0, stdout: `plugin  ${version}\n` })
    const rendered = run('kubectl-nauthera', 'render', '-f', 'examples/clients/spa.yaml')
    expect(rendered).to.include({ status: 0, stderr: '' })
    expect(run('kubectl-nauthera', 'render', '-f', 'examples/bad/redirect-http.yaml').status).to.equal(1)
  })

  it('completes command lines', () => {
    expect(run('kubectl_complete-nauthera', 'li').stdout).to.match(/^list\t.*\n:4\n$/)
  })

  it('writes checksums, and a manifest of krew that names them', () => {
    const sums = readFileSync(join(out, 'SHA256SUMS'), 'utf8')
    const { spec } = parse(readFileSync(join(out, 'nauthera.yaml'), 'utf8')) as {
      spec: { platforms: { uri: string; sha256: string; bin: string }[] }
    }
    const [platform] = spec.platforms
    const archive = readFileSync(join(out, platform!.uri.replace('https://d.example/', '')))
    expect(platform!.sha256).to.equal(createHash('sha256').update(archive).digest('hex'))
    expect(sums).to.include(`${platform!.sha256}  ${platform!.uri.replace('https://d.example/', '')}\n`)
    expect(platform!.bin).to.equal('kubectl-nauthera')
  })
})
