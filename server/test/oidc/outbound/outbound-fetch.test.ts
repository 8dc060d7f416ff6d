import { listenOnLoopback } from '@nauthera/harness/listen'
import { findUnsettled, startOddServer } from '@nauthera/harness/odd-answers'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { expect } from 'chai'
import { addressRule } from '../../../src/oidc/outbound/address-rule.ts'
import { createOutboundFetch } from '../../../src/oidc/outbound/outbound-fetch.ts'

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
    origin = `http://localhost:${await listenOnLoopback(server)}`
  })
  after(() => new Promise((resolve) => server.close(resolve)))

  const fetchBy = (options: { loopback: boolean; allow?: string[] }) => {
    const allow = (options.allow ?? []).map((to) => ({ to, for: ['jwks' as const] }))
    return createOutboundFetch({ rule: addressRule('jwks', { loopback: options.loopback, allow }), purpose: 'jwks' })
  }
  const open = fetchBy({ loopback: true })
  const guarded = fetchBy({ loopback: false })
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

  it('L16 sends no byte to this machine, even when it is listed by name', async () => {
    const before = hits
    expect(await codeOf(fetchBy({ loopback: false, allow: ['localhost'] })(origin))).to.equal('ADDRESS_NOT_ALLOWED')
    expect(hits).to.equal(before)
  })

  it('L16 refuses a name of which one address is forbidden, and sends no byte to the others', async () => {
    const before = hits
    const [allowed, forbidden] = ['203.0.113.7', '127.0.0.1'].map((address) => ({ address, family: 4 }))
    const mixed = createOutboundFetch({
      rule: addressRule('jwks', { loopback: false, allow: [] }),
      purpose: 'jwks',
      lookUp: () => Promise.resolve([forbidden!, allowed!]),
    })
    expect(await codeOf(mixed(origin.replace('localhost', 'mixed.example')))).to.equal('ADDRESS_NOT_ALLOWED')
    expect(hits).to.equal(before)
  })

  it('says which setting would allow a private address, and that none allows this machine', async () => {
    const messageOf = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message)
    expect(await messageOf(guarded('https://10.0.0.1/jwks')))
      .to.contain('outbound.allow')
      .and.contain('jwks')
    expect(await messageOf(guarded(origin))).to.contain('no setting allows it')
  })

  it('L36 settles within its limit, whatever is answered and however it ends, and the next call works', async () => {
    const odd = await startOddServer()
    const fetch = createOutboundFetch({
      rule: addressRule('jwks', { loopback: true, allow: [] }),
      purpose: 'jwks',
      wholeMs: 200,
    })
    try {
      expect(await findUnsettled(async (path) => (await fetch(odd.origin + path)).text(), 20_000)).to.deep.equal([])
    } finally {
      odd.stop()
    }
  })

  it('follows no redirect', async () => expect((await open(`${origin}/redirect`)).status).to.equal(302))
  it('reads at most 256 KiB', async () => expect(await codeOf(open(`${origin}/large`))).to.equal('failed'))
  it('allows only http and https', async () =>
    expect(await codeOf(open('file:///etc/passwd'))).to.equal('ADDRESS_NOT_ALLOWED'))
})
