import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { allowedAddress, createOutboundFetch } from '../../src/oidc/outbound-fetch.ts'

describe('allowedAddress', () => {
  const allowed = allowedAddress({ loopback: false })
  for (const address of [
    '93.184.215.14',
    '10.96.0.10',
    '172.20.1.1',
    '192.168.1.1',
    '2606:2800:21f:cb07::1',
    'fd00::10',
  ]) {
    it(`L16 allows ${address}`, () => expect(allowed(address)).to.equal(true))
  }
  for (const address of [
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    '2002:7f00:1::',
    'localhost',
    '',
  ]) {
    it(`L16 refuses ${address === '' ? 'an empty address' : address}`, () => expect(allowed(address)).to.equal(false))
  }
  it('allows loopback addresses in development only', () =>
    expect(allowedAddress({ loopback: true })('127.0.0.1')).to.equal(true))
})

describe('createOutboundFetch', () => {
  let server: Server
  let origin: string
  let hits = 0
  before(async () => {
    server = createServer((request, response) => {
      hits++
      if (request.url === '/redirect') return response.writeHead(302, { location: '/' }).end()
      if (request.url === '/large') return response.end(Buffer.alloc(300 * 1024))
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://localhost:${(server.address() as AddressInfo).port}`
  })
  after(() => new Promise((resolve) => server.close(resolve)))

  const open = createOutboundFetch({ isAllowed: allowedAddress({ loopback: true }) })
  const guarded = createOutboundFetch({ isAllowed: allowedAddress({ loopback: false }) })
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'answered',
      (error: { code?: string }) => error.code ?? 'failed',
    )

  it('fetches from an allowed address', async () =>
    expect(await (await open(`${origin}/jwks`)).json()).to.deep.equal({ keys: [] }))

  it('L16 sends no byte to a name that resolves to a forbidden address, nor to that address itself', async () => {
    const before = hits
    for (const url of [
      `${origin}/`,
      origin.replace('localhost', '127.0.0.1'),
      origin.replace('localhost', '[::ffff:127.0.0.1]'),
    ]) {
      expect(await codeOf(guarded(url))).to.equal('ADDRESS_NOT_ALLOWED')
    }
    expect(hits).to.equal(before)
  })

  it('follows no redirect', async () => expect((await open(`${origin}/redirect`)).status).to.equal(302))
  it('reads at most 256 KiB', async () => expect(await codeOf(open(`${origin}/large`))).to.equal('failed'))
  it('allows only http and https', async () =>
    expect(await codeOf(open('file:///etc/passwd'))).to.equal('ADDRESS_NOT_ALLOWED'))
})
