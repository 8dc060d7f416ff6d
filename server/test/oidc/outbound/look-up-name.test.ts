import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createLookUpName } from '../../../src/oidc/outbound/look-up-name.ts'
import { startDnsServer } from './dns-server.ts'
import type { DnsServer } from './dns-server.ts'

describe('createLookUpName', function () {
  let dns: DnsServer
  let directory: string
  before(async () => {
    directory = temporaryDirectory('hosts')
    dns = await startDnsServer((name) => {
      if (name.endsWith('.silent.example')) return undefined
      return name === 'keys.example' ? '203.0.113.7' : 'none'
    })
  })
  after(() => dns?.stop())

  const lookUp = (name: string, signal = new AbortController().signal, hostsFile = join(directory, 'none')) =>
    createLookUpName({ servers: [dns.address], hostsFile })(name, signal)
  /** With these times no lookup ends while a test looks. */
  const patient = (name: string, signal = new AbortController().signal) => {
    const times = { try: 60_000, whole: 60_000 }
    return createLookUpName({ servers: [dns.address], hostsFile: join(directory, 'none'), times })(name, signal)
  }
  const messageOf = (work: Promise<unknown>) =>
    work.then(
      () => 'found',
      (error: Error) => error.message,
    )
  const keys = [{ address: '203.0.113.7', family: 4 }]

  it('finds what DNS knows, whatever the letters, and with a dot at the end', async () => {
    for (const name of ['keys.example', 'KEYS.example', 'keys.example.'])
      expect(await patient(name)).to.deep.equal(keys)
  })

  it('says that DNS knows no address', async () =>
    expect(await messageOf(patient('gone.example'))).to.equal('gone.example: DNS knows no address of it'))

  it('F26 gives up a name whose server does not answer, and says so', async () =>
    expect(await messageOf(lookUp('a.silent.example'))).to.equal('a.silent.example: DNS does not answer'))

  it('K19 names of others whose servers do not answer delay nobody, however many', async () => {
    const end = new AbortController()
    const before = dns.asked.size
    const silent = Array.from({ length: 100 }, (_, index) => messageOf(patient(`b${index}.silent.example`, end.signal)))
    await dns.heard(before + 100)
    // asked for while all of them wait
    expect(await patient('keys.example', end.signal)).to.deep.equal(keys)
    end.abort(new Error('the test is over'))
    expect(new Set(await Promise.all(silent))).to.deep.equal(new Set(['the test is over']))
  })

  it('ends with the request that wanted it, before and after it has asked', async () => {
    const end = new AbortController()
    const before = dns.asked.size
    const looking = messageOf(patient('c.silent.example', end.signal))
    await dns.heard(before + 1)
    end.abort(new Error('the request is over'))
    expect(await looking).to.equal('the request is over')
    expect(await messageOf(patient('keys.example', end.signal))).to.equal('the request is over')
  })

  it('believes the hosts file, and asks nobody for names of this machine', async () => {
    const hosts = join(directory, 'hosts')
    writeFileSync(hosts, '# comment\n203.0.113.9\tlogin.example  Keys.Example # old\n::1 x y\nnonsense keys.example\n')
    const asked = dns.asked.size
    const { signal } = new AbortController()
    expect(await lookUp('login.example', signal, hosts)).to.deep.equal([{ address: '203.0.113.9', family: 4 }])
    expect(await lookUp('keys.example', signal, hosts)).to.deep.equal([{ address: '203.0.113.9', family: 4 }])
    expect(await lookUp('y', signal, hosts)).to.deep.equal([{ address: '::1', family: 6 }])
    for (const name of ['localhost', 'app.localhost'])
      expect((await lookUp(name)).map(({ address }) => address)).to.deep.equal(['127.0.0.1', '::1'])
    expect(dns.asked.size).to.equal(asked)
  })
})
