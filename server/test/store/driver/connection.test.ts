import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { databaseConnection, parseDsn } from '../../../src/store/driver/connection.ts'

const faultOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (hasCode(error, 'SETTINGS_INVALID')) return `${error.faults[0]!.path}: ${error.faults[0]!.message}`
    throw error
  }
  return undefined
}
const parse = (dsn: string) => parseDsn(new Secret(dsn), 'verify-full')

describe(parseDsn.name, () => {
  it('takes a DSN apart, percent-encoding included', () => {
    const parsed = parse('postgres://na%40me:p%2Fw%3A@db.example.test:6432/auth%20db')
    expect(parsed).to.include({ host: 'db.example.test', port: 6432, name: 'auth db', user: 'na@me' })
    expect(parsed.password()?.reveal()).to.equal('p/w:')
    expect(parsed.tls).to.deep.equal({ rejectUnauthorized: true, checkName: true })
    expect(parse('postgresql://[::1]/')).to.include({ host: '::1', port: 5432, name: 'nauthera', user: 'nauthera' })
  })

  const modes: [string, ReturnType<typeof parse>['tls']][] = [
    ['disable', false],
    ['require', { rejectUnauthorized: false, checkName: false }],
    ['verify-ca', { rejectUnauthorized: true, checkName: false }],
    ['verify-full', { rejectUnauthorized: true, checkName: true }],
  ]
  for (const [mode, tls] of modes) {
    it(`obeys sslmode=${mode} of the DSN`, () =>
      expect(parse(`postgres://db/x?sslmode=${mode}`).tls).to.deep.equal(tls))
  }

  for (const dsn of ['', 'db', 'mysql://db/x', 'postgres:///x', 'postgres://user:canary@db/x?sslmode=prefer']) {
    it(`refuses ${JSON.stringify(dsn)} and repeats nothing of it`, () => {
      const fault = faultOf(() => parse(dsn))
      expect(fault).to.match(/^database.dsnFile: /)
      expect(fault).to.not.include('canary')
    })
  }
})

describe(databaseConnection.name, () => {
  let directory: string
  before(() => {
    directory = temporaryDirectory('connection')
    writeFileSync(join(directory, 'user'), 'auth\n')
    writeFileSync(join(directory, 'password'), 'first\n')
  })

  it('reads the password again at each connect, so that a new one is used', () => {
    const passwordFile = join(directory, 'password')
    const connection = databaseConnection({ host: 'db', usernameFile: join(directory, 'user'), passwordFile })
    expect(connection).to.include({ user: 'auth', poolMax: 10 })
    expect(connection.password()?.reveal()).to.equal('first')
    writeFileSync(passwordFile, 'second\n')
    expect(connection.password()?.reveal()).to.equal('second')
  })

  it('checks certificate and name unless told otherwise', () => {
    expect(databaseConnection({ host: 'pooler', direct: { host: 'db', port: 5433 } }).direct).to.deep.include({
      host: 'db',
      port: 5433,
      name: 'nauthera',
      tls: databaseConnection({ host: 'db' }).tls,
    })
    expect(databaseConnection({ host: 'db' }).tls).to.deep.equal({ rejectUnauthorized: true, checkName: true })
  })

  it('names the file that is not there', () => {
    expect(faultOf(() => databaseConnection({ dsnFile: '/absent/dsn' })))
      .to.include('database.dsnFile')
      .and.include('/absent/dsn')
    expect(faultOf(() => databaseConnection({ host: 'db', caFile: '/absent/ca' })))
      .to.include('database.caFile')
      .and.include('/absent/ca')
    expect(faultOf(() => databaseConnection({ host: 'db', usernameFile: '/absent/user' }))).to.include(
      'database.usernameFile',
    )
  })
})
