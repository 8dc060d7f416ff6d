import { readFileSync, readdirSync } from 'node:fs'
import { expect } from 'chai'

/** Every event that the server can tell, as its type says; `admin.*` are as many as there are commands. */
function eventNames(): string[] {
  const source = readFileSync('server/src/store/audit/audit-event.ts', 'utf8')
  const union = source.slice(source.indexOf('export type AuditName'), source.indexOf('/** Never a secret'))
  return union
    .split(/^ *\| /m)
    .slice(1)
    .flatMap((part) => {
      const family = /^`([\w.]+)\$\{([^}]*)\}`/.exec(part.trim())
      if (family !== null) return [...family[2]!.matchAll(/'(\w+)'/g)].map((word) => `${family[1]}${word[1]}`)
      return [...part.matchAll(/'([\w.]+)'/g)].map((word) => word[1]!)
    })
    .filter((name) => name !== 'admin.')
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))

describe('the events of the audit log', () => {
  const names = eventNames()
  const page = readFileSync('docs/audit.md', 'utf8')
  const code = filesOf('server/src').filter((text) => !text.includes('export type AuditName'))
  const tests = ['server/test', 'ci/faults'].flatMap(filesOf)
  const naming = (texts: readonly string[], name: string) =>
    texts.some((text) => text.includes(`'${name}'`) || text.includes(`"${name}"`))

  it('are read from their type', () => {
    expect(names).to.include.members(['signin.success', 'code.replay', 'key.created', 'config.client_rejected'])
    expect(names.filter((name) => !/^[a-z]+\.[a-z_]+$/.test(name))).to.deep.equal([])
  })

  it('are those of docs/audit.md', () => {
    const documented = [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap((row) =>
      [...row[1]!.matchAll(/`([\w.<>]+)`/g)].map((name) => name[1]!),
    )
    const [admin, others] = [documented.filter((name) => name.startsWith('admin.')), documented]
    expect(admin).to.deep.equal(['admin.<command>'])
    expect(others).to.include.members(names)
    expect(new Set(others).size).to.equal(others.length)
    const unknown = others.filter((name) => ![...names, ...admin].includes(name))
    expect(unknown).to.deep.equal([])
  })

  for (const name of names) {
    it(`${name} is told somewhere, and a test sees it`, () => {
      expect(naming(code, name), 'told').to.equal(true)
      expect(naming(tests, name), 'seen').to.equal(true)
    })
  }
})
