import { BlockList } from 'node:net'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { RequestHandler } from 'express'
import { parseRanges } from '../../../src/address-ranges.ts'
import { peerOf } from '../../../src/http/request/peer.ts'
import { createPinHost, readPeer, rewriteAbsoluteTarget } from '../../../src/http/edge/pin-host.ts'
import { serve, testPages } from '../harness.ts'
import type { RunningPages } from '../harness.ts'

const issuer = new URL('https://login.example.com')
const { pages } = testPages()

/** Answers with what later handlers would see. */
const mirror: RequestHandler = (request, response) => {
  response.json({
    host: request.headers.host,
    url: request.originalUrl,
    headers: request.headers,
    peer: peerOf(request),
  })
}

interface Seen {
  host: string
  headers: Record<string, string>
  peer: { address: string; userAgent: string }
}

describe('createPinHost', () => {
  const running: RunningPages[] = []
  afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())))
  const start = async (options: { extraHosts?: string[]; trustedProxies?: string[] } = {}): Promise<RunningPages> => {
    const { extraHosts = [], trustedProxies = [] } = options
    const isOpen = (path: string) => path === '/assets/style.css'
    const one = await serve([
      (request, _response, next) => {
        rewriteAbsoluteTarget(request)
        next()
      },
      createPinHost({ issuer, extraHosts, trustedProxies, isOpen, render: pages.render }),
      mirror,
    ])
    running.push(one)
    return one
  }
  const see = async (one: RunningPages, headers: Record<string, string>): Promise<Seen> => {
    const answer = await one.ask('/', { headers: { host: 'login.example.com', ...headers } })
    expect(answer.status).to.equal(200)
    return JSON.parse(answer.body) as Seen
  }

  it('E1 gives the stylesheet at every host: the page for a wrong host loads it from there', async () => {
    const one = await start()
    const ask = async (path: string) => (await one.ask(path, { headers: { host: 'evil.test' } })).status
    expect([await ask('/assets/style.css'), await ask('/assets/style.css?x'), await ask('/other')]).to.deep.equal([
      200, 200, 421,
    ])
  })

  const hosts: [string, string, number][] = [
    ['accepts the issuer’s host', 'login.example.com', 200],
    ['accepts it in capital letters, with its port and a dot at the end', 'LOGIN.example.com.:443', 200],
    ['accepts an extra host with its port', 'nauthera.auth.svc:8080', 200],
    ['refuses an extra host with another port', 'nauthera.auth.svc:9090', 421],
    ['refuses another host', 'evil.test', 421],
    ['refuses the host as a suffix', 'login.example.com.evil.test', 421],
    ['refuses another port', 'login.example.com:8443', 421],
    ['refuses user information', 'login.example.com@evil.test', 421],
    ['refuses markup', '<script>', 421],
    ['refuses an empty host', '', 421],
  ]
  for (const [sentence, host, status] of hosts) {
    it(`E1 ${sentence}`, async () => {
      const one = await start({ extraHosts: ['nauthera.auth.svc:8080'] })
      const answer = await one.ask('/', { headers: { host } })
      expect(answer.status).to.equal(status)
      if (status === 421) {
        expect(answer.body).to.contain('https://login.example.com')
        expect(answer.body).not.to.contain('evil.test').and.not.contain('<script')
      } else {
        expect((JSON.parse(answer.body) as Seen).host).to.equal('login.example.com')
      }
    })
  }

  it('E1 refuses two Host headers, also equal ones', async () => {
    const one = await start()
    for (const hosts of [
      'login.example.com\r\nHost: evil.test',
      'evil.test\r\nhost: login.example.com',
      'login.example.com\r\nHost: login.example.com',
    ]) {
      const twice = await one.askRaw(`GET / HTTP/1.1\r\nHost: ${hosts}\r\nConnection: close\r\n\r\n`)
      expect(twice)
        .to.match(/^HTTP\/1.1 400 /)
        .and.not.contain('evil.test')
    }
    expect((await one.ask('/', { headers: { host: 'login.example.com' } })).status).to.equal(200)
  })

  const targets: [sentence: string, target: string, host: string, status: number][] = [
    ['accepts an absolute target, whatever Host says', 'http://login.example.com/a?b=1', 'evil.test', 200],
    ['accepts an absolute target without a path', 'HTTPS://LOGIN.example.com:443?b=1', 'login.example.com', 200],
    ['refuses one of another host', 'http://evil.test/', 'login.example.com', 421],
    ['refuses one with user information', 'http://login.example.com@evil.test/', 'login.example.com', 421],
    ['refuses one with our name as user', 'http://login.example.com:x@login.example.com/', 'login.example.com', 421],
    ['refuses one of another scheme', 'ftp://login.example.com/', 'login.example.com', 421],
    ['refuses one without a host', 'http:///a', 'login.example.com', 421],
  ]
  for (const [sentence, target, host, status] of targets) {
    it(`E1 ${sentence}`, async () => {
      const one = await start()
      const text = await one.askRaw(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect(text).to.match(new RegExp(`^HTTP/1.1 ${status} `))
      expect(text).not.to.contain('evil.test')
      if (status === 200)
        expect(text)
          .to.contain('"host":"login.example.com"')
          .and.match(/"url":"\/a?\?b=1"/)
    })
  }

  it('E1 removes every forwarding header of a stranger, and sets its own', async () => {
    const seen = await see(await start(), {
      forwarded: 'for=1.2.3.4;host=evil.test;proto=http',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'http',
      'x-forwarded-prefix': '/evil',
      'x-original-url': '/evil',
      'x-real-ip': '1.2.3.4',
      'x-ssl-client-cert': 'forged',
    })
    expect(seen.peer.address).to.equal('127.0.0.1')
    expect(seen.headers).to.include({
      host: 'login.example.com',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
    })
    expect(seen.headers).not.to.have.any.keys(
      'forwarded',
      'x-forwarded-host',
      'x-forwarded-prefix',
      'x-original-url',
      'x-real-ip',
      'x-ssl-client-cert',
    )
  })

  it('E2 removes the spelling with underscores too, whatever User-Agent says', async () => {
    const one = await start()
    const seen = await see(one, { X_Forwarded_For: '1.2.3.4', 'X_FORWARDED-Host': 'evil.test' })
    expect(Object.keys(seen.headers).filter((name) => name.includes('_'))).to.deep.equal([])
    expect(seen.peer.address).to.equal('127.0.0.1')
    for (const agent of ['kube-probe/1.33', 'GoogleHC/1.0', 'ELB-HealthChecker/2.0']) {
      expect((await one.ask('/', { headers: { host: 'evil.test', 'user-agent': agent } })).status).to.equal(421)
    }
  })

  it('believes a trusted proxy: takes the first address from the right that is no proxy, and the host that it names', async () => {
    const one = await start({ trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] })
    const seen = await see(one, {
      host: 'nauthera.auth.svc',
      'x-forwarded-host': 'login.example.com',
      'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.1.2.3',
      'x-ssl-client-cert': 'certificate',
    })
    expect(seen.peer.address).to.equal('203.0.113.9')
    expect(seen.headers['x-forwarded-for']).to.equal('203.0.113.9')
    // it is read before, where settings say so: behind this, nobody reads headers
    expect(seen.headers).not.to.have.property('x-ssl-client-cert')
    const wrong = await one.ask('/', { headers: { host: 'login.example.com', 'x-forwarded-host': 'evil.test' } })
    expect(wrong.status).to.equal(421)
  })

  it('ignores everything left of an entry that is no address', async () => {
    const one = await start({ trustedProxies: ['127.0.0.1'] })
    for (const last of ['unknown', 'fe80::1%call-evil.test']) {
      const seen = await see(one, { 'x-forwarded-for': `203.0.113.9, ${last}` })
      expect(seen.peer.address).to.equal('127.0.0.1')
    }
  })
})

describe('readPeer', () => {
  const none = new BlockList()
  const hostOf = (host: string) => readPeer({ headers: { host }, socket: { remoteAddress: '203.0.113.9' } }, none).host

  it('E1 accepts nothing but the issuer’s host itself as that host', () => {
    const near = fc.tuple(
      fc.string(),
      fc.constantFrom('login.example.com', 'LOGIN.EXAMPLE.COM', 'xn--login', ''),
      fc.string(),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webAuthority(),
          near.map((parts) => parts.join('')),
        ),
        (host) => {
          if (hostOf(host) !== 'login.example.com') return
          expect(
            host
              .toLowerCase()
              .replace(/:(80|443)$/, '')
              .replace(/\.$/, ''),
          ).to.equal('login.example.com')
        },
      ),
      { numRuns: propertyRuns(2000) },
    )
  })

  it('never believes more than the trusted proxies', () => {
    const trusted = parseRanges(['10.0.0.0/8']) ?? none
    const address = fc.ipV4()
    fc.assert(
      fc.property(fc.array(fc.oneof(address, fc.string()), { maxLength: 5 }), address, (hops, last) => {
        const headers = { 'x-forwarded-for': [...hops, last].join(', ') }
        const { address: found } = readPeer({ headers, socket: { remoteAddress: '10.1.1.1' } }, trusted)
        // addresses to the left of the first stranger may be forged
        if (!last.startsWith('10.')) expect(found).to.equal(last)
      }),
    )
  })
})
