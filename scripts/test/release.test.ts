import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { firstSection, setVersion, versionFaults } from '../release/version.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { workspaces, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  workspaces: string[]
  version: string
}

describe('a release', () => {
  let copy: string
  const edit = (file: string, from: string | RegExp, to: string) => {
    const path = join(copy, file)
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
  }

  beforeEach(() => {
    copy = temporaryDirectory('release')
    const manifests = ['.', ...workspaces].map((folder) => join(folder, 'package.json'))
    const others = ['package-lock.json', 'CHANGELOG.md', 'charts/nauthera/Chart.yaml', 'charts/nauthera/CHANGELOG.md']
    for (const file of [...manifests, ...others]) {
      mkdirSync(dirname(join(copy, file)), { recursive: true })
      cpSync(join(root, file), join(copy, file))
    }
  })

  it('has one version in every package, the lock file and the chart', () => {
    const faults = versionFaults(root).filter((fault) => !fault.includes('says Unreleased'))
    expect(faults).to.deep.equal([])
  })

  it('gets another version everywhere, and what is unreleased becomes it', () => {
    for (const file of ['CHANGELOG.md', 'charts/nauthera/CHANGELOG.md']) edit(file, /^## .*$/m, '## Unreleased')
    setVersion(copy, '7.8.9')
    expect(versionFaults(copy)).to.deep.equal([])
    expect(firstSection(copy, 'CHANGELOG.md').title).to.equal('7.8.9')
    expect(readFileSync(join(copy, 'package-lock.json'), 'utf8')).not.to.include(`"@nauthera/proto": "${version}"`)
  })

  it('is refused while something is unreleased, or a part has another version', () => {
    edit('CHANGELOG.md', /^## .*$/m, '## Unreleased')
    edit('server/package.json', `"version": "${version}"`, '"version": "9.9.9"')
    expect(versionFaults(copy)).to.include.members([
      `the first section of CHANGELOG.md says Unreleased, package.json says ${version}`,
      `server/package.json says 9.9.9, package.json says ${version}`,
    ])
  })
})
