import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { expect } from 'chai'
import { errorCatalogue as agentErrors } from '@nauthera/config-agent/errors'
import { errorCatalogue as operatorErrors } from '@nauthera/operator/errors'
import { errorCatalogue as serverErrors } from '@nauthera/server/errors'

const processes = { server: serverErrors, 'config-agent': agentErrors, operator: operatorErrors }

/** The sources of a process but its catalogue, in one text. */
function sourcesOf(folder: string): string {
  return readdirSync(`${folder}/src`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('generated') && name !== 'errors.ts')
    .map((name) => readFileSync(`${folder}/src/${name}`, 'utf8'))
    .join('\n')
}

/** Codes that the sources of a process raise: `new CodedError('CODE'` and friends. */
function raisedIn(folder: string): string[] {
  return [...sourcesOf(folder).matchAll(/CodedError(?:<\w+>)?\(\s*'([A-Z0-9_]+)'/g)].map((match) => match[1]!)
}

describe('docs/errors.md', () => {
  const text = readFileSync('docs/errors.md', 'utf8')
  for (const [name, catalogue] of Object.entries(processes)) {
    const section = text.split(`## ${name}\n`)[1]?.split('\n## ')[0] ?? ''
    const documented = [...section.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map((match) => match[1])

    it(`lists exactly the codes of the ${name}`, () => {
      expect(documented).to.have.members(Object.keys(catalogue))
    })

    // a code of no process does not compile; one of another process does
    it(`has every code that the ${name} raises`, () => {
      expect(Object.keys(catalogue)).to.include.members([...raisedIn(name), ...raisedIn('runtime')])
    })

    it(`has no code of the ${name} that nothing makes`, () => {
      const sources = [name, 'runtime', 'rules', 'proto'].map(sourcesOf).join('\n')
      const makers = sources.replace(/hasCode(?:<\w+>)?\([^)]*\)|[!=]== '[A-Z0-9_]+'/g, '')
      expect(Object.keys(catalogue).filter((code) => !makers.includes(`'${code}'`))).to.deep.equal([])
    })
  }
})

describe('docs/protocol.md', () => {
  const rows = readFileSync('docs/protocol.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
  /** `RFC 7521, 7523 assertions` -> both numbers. */
  const numbersIn = (row: string) =>
    [...row.split('|')[1]!.matchAll(/RFC (\d{4}(?:, (?:RFC )?\d{4})*)/g)].flatMap((match) => match[1]!.match(/\d{4}/g)!)
  const titles = ['server', 'operator']
    .flatMap((folder) =>
      readdirSync(`${folder}/test`, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/test/${name}`),
    )
    .filter((path) => path.endsWith('.test.ts'))
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .filter((line) => /\b(?:describe|it)\(|^ {2}'RFC /.test(line))

  it('names no RFC without a test that has its number in the title', () => {
    const named = rows.flatMap(numbersIn)
    expect(named).to.include.members(['6749', '6750', '7521', '7523', '9701', '9728'])
    const silent = named.filter((number) => !titles.some((line) => line.includes(`RFC ${number}`)))
    expect(silent).to.deep.equal([])
  })

  it('leads to files that are there', () => {
    const links = rows.flatMap((row) => [...row.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map((match) => match[1]!))
    expect(links.length).to.be.greaterThan(20)
    expect(links.filter((path) => !existsSync(path))).to.deep.equal([])
  })
})

describe('docs/invariants.md', () => {
  it('names a test that is there for everything that was wrong once', () => {
    const [, found = ''] = readFileSync('docs/invariants.md', 'utf8').split('## What was wrong once')
    const rows = found.split('\n').filter((line) => /^\| (?!It was so)/.test(line))
    const testsOf = (row: string) => [...row.split('|')[2]!.matchAll(/`([^`]+\.ts)`/g)].map(([, path]) => path!)
    expect(rows.length).to.be.greaterThan(20)
    expect(rows.filter((row) => testsOf(row).length === 0 && row.split('|')[2]!.trim() !== 'the same')).to.deep.equal(
      [],
    )
    expect(rows.flatMap(testsOf).filter((path) => !existsSync(path))).to.deep.equal([])
  })
})

describe('docs/conditions.md', () => {
  const [, table = ''] = readFileSync('docs/conditions.md', 'utf8').split('## OIDCClient\n')
  const rows = table
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => /^\| (`|\|)/.test(line))
    .map((line) => line.split('|').map((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!)))
  const source = readFileSync('operator/src/decide/status/conditions.ts', 'utf8')
  const reasons = rows.flatMap(([, , names = []]) => names)

  it('has every condition of a client, in its order', () => {
    const types = [...source.matchAll(/^ {2}\['(\w+)', \w+/gm)].map(([, type]) => type)
    expect(rows.flatMap(([, names = []]) => names)).to.deep.equal([...types, 'Ready'])
  })

  it('has the same conditions as the page of Ready, which says of each whether Ready waits for it', () => {
    const waits = { "'needed'": 'yes', '': 'no' }
    const ofCode = [...source.matchAll(/^ {2}\['(\w+)', \w+(?:, (.+))?\],$/gm)].map(([, type, needed = '']) => {
      const names = [...needed.matchAll(/'(\w+)'/g)].map(([, name]) => `\`${name}\``)
      const known = Object.entries(waits).find(([text]) => text === needed)
      return [type, known?.[1] ?? `only with the reasons ${names.join(' and ')}`]
    })
    const page = readFileSync('docs/concepts/ready.md', 'utf8')
    const ofPage = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$/gm)].map(([, type, when]) => [type, when])
    expect(ofCode).to.have.length.greaterThan(10)
    expect(ofPage).to.deep.equal(ofCode)
  })

  it('has every reason with which a condition of a client does not hold', () => {
    const both = source + readFileSync('operator/src/decide/status/secret-ready.ts', 'utf8')
    const said = [...both.matchAll(/\b(?:no|unknown)\(\s*'(\w+)'/g)].map((match) => match[1]!)
    expect(said).to.include.members(['InvalidSpec', 'SecretUnreadable'])
    expect(said.filter((reason) => !reasons.includes(reason))).to.deep.equal([])
  })

  it('has no reason that no condition gives', () => {
    const sources = sourcesOf('operator')
    expect(
      reasons.filter((reason) => !/^(True|Unknown)$/.test(reason) && !sources.includes(`'${reason}'`)),
    ).to.deep.equal([])
  })
})
