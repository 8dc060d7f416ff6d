import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { CodedError } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import {
  environmentName,
  listenSettings,
  loadSettings,
  logSettings,
  readCaFile,
  readSecretFile,
  z,
} from '@nauthera/runtime/settings'

const schema = z.strictObject({
  issuer: z.url({ error: 'must be a URL, such as https://login.example.com' }),
  listen: listenSettings(8080),
  log: logSettings,
  database: z
    .strictObject({ poolMax: z.int().min(1).default(10), names: z.array(z.string()).default([]) })
    .prefault({}),
})

function load(text: string, environment: Record<string, string> = {}) {
  return loadSettings(schema, { file: 'server.yaml', text, environment })
}

function faultsOf(text: string, environment: Record<string, string> = {}): string[] {
  try {
    load(text, environment)
  } catch (error) {
    expect(error).to.be.instanceOf(CodedError)
    expect((error as CodedError).code).to.equal('SETTINGS_INVALID')
    return (error as CodedError).faults.map((fault) => `${fault.path}: ${fault.message}`)
  }
  return []
}

describe('loadSettings', () => {
  it('fills in every default and freezes the result', () => {
    const settings = load('issuer: https://login.example.com')
    expect(settings.database.poolMax).to.equal(10)
    expect(settings.listen).to.deep.equal({ host: '0.0.0.0', port: 8080 })
    expect(Object.isFrozen(settings.database)).to.equal(true)
  })

  it('prefers environment variables to the file, for lists and numbers too', () => {
    const settings = load('issuer: https://a.example\ndatabase: {poolMax: 3}', {
      NAUTHERA_DATABASE_POOL_MAX: '7',
      NAUTHERA_DATABASE_NAMES: '[a, b]',
      NAUTHERA_ISSUER: 'https://b.example',
    })
    expect(settings.database).to.deep.equal({ poolMax: 7, names: ['a', 'b'] })
    expect(settings.issuer).to.equal('https://b.example')
  })

  for (const [sentence, text, names] of [
    ['with commas', 'a, b', ['a', 'b']],
    ['of one item', 'ES256', ['ES256']],
    ['as YAML', '- a\n- b', ['a', 'b']],
    ['as JSON', '["a","b,c"]', ['a', 'b,c']],
    ['whose items YAML reads as something else', '*.example.com,10,::1/128', ['*.example.com', '10', '::1/128']],
    ['that is empty', '', []],
  ] as const)
    it(`reads a list ${sentence} from the environment`, () => {
      const settings = load('issuer: https://a.example\ndatabase: {names: [z]}', { NAUTHERA_DATABASE_NAMES: text })
      expect(settings.database.names).to.deep.equal(names)
    })

  it('reports every fault at once with its path', () => {
    const faults = faultsOf('issuer: nowhere\nlisten: {port: 99999}\ndatabase: {poolMax: many, maxPool: 3}\nisuer: x')
    expect(faults).to.include('issuer: must be a URL, such as https://login.example.com')
    expect(faults.filter((fault) => fault.startsWith('listen.port: '))).to.have.length(1)
    expect(faults.filter((fault) => fault.startsWith('database.poolMax: '))).to.have.length(1)
    expect(faults).to.include('database.maxPool: is not a setting; remove it or correct its name')
    expect(faults).to.include('isuer: is not a setting; remove it or correct its name')
  })

  it('says whether a key is missing or has the wrong type', () => {
    expect(faultsOf('listen: {port: 1}')).to.deep.equal(['issuer: must be a URL, such as https://login.example.com'])
    expect(faultsOf('issuer: https://a.example\ndatabase: {names: 3}').join()).to.match(
      /^database.names: Invalid input/,
    )
  })

  it('says where the YAML is invalid', () => {
    expect(faultsOf('issuer: [')).to.satisfy((faults: string[]) => /^server\.yaml: .*line 1/.test(faults[0] ?? ''))
  })

  it('says that a mapping is expected', () => {
    expect(faultsOf('- a').join()).to.contain('must be a YAML mapping')
  })

  it('names a file that cannot be read', () => {
    expect(() => loadSettings(schema, { file: '/nowhere/server.yaml' })).to.throw(CodedError, '/nowhere/server.yaml')
  })
})

describe('environmentName', () => {
  it('writes a path in upper snake case', () => {
    expect(environmentName(['database', 'poolMax'])).to.equal('NAUTHERA_DATABASE_POOL_MAX')
  })
})

describe('readSecretFile', () => {
  const directory = temporaryDirectory('settings')

  it('reads a value that is not shown in any way of printing it', () => {
    writeFileSync(join(directory, 'dsn'), 'postgres://user:hunter22@db/nauthera\n')
    const secret = readSecretFile(join(directory, 'dsn'), 'database.dsnFile')
    expect(secret).to.be.instanceOf(Secret)
    expect(secret.reveal()).to.equal('postgres://user:hunter22@db/nauthera')
    const printed = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret }, { showHidden: true })]
    for (const text of printed) {
      expect(text).to.contain('[redacted]')
      expect(text).not.to.contain('hunter22')
    }
  })

  it('names the key and the path of a missing file', () => {
    expect(() => readSecretFile(join(directory, 'none'), 'database.dsnFile')).to.throw(CodedError, 'database.dsnFile')
  })
})

describe('readCaFile', () => {
  it('names the key and the path of a missing file, and what to mount', () => {
    expect(() => readCaFile('/nowhere/ca.crt', 'mail.caFile')).to.throw(
      CodedError,
      "mail.caFile: cannot read /nowhere/ca.crt; mount the CA's certificate there",
    )
  })
})
