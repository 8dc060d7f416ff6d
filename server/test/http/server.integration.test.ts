import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { mock } from 'node:test'
import { connect, getCiphers } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { expect } from 'chai'
import express from 'express'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { createApplication } from '../../src/http/application.ts'
import type { Handlers } from '../../src/http/application.ts'
import { listen } from '../../src/http/server.ts'
import type { Handler } from '../../src/http/request/handler.ts'

/** A server with one page, `/`, and metadata that are answered before everything else. */
async function start() {
  const application = express()
  application.get('/', (_request, response) => void response.send('here'))
  const server = await listen({
    application,
    discovery: (_request, response, path) => {
      if (path !== '/jwks') return false
      response.end('{}')
      return true
    },
    hosts: new Set(['app.example']),
    listen: { host: '127.0.0.1', port: 0 },
    tls: undefined,
    log,
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const get = (path: string, by = agent) =>
    new Promise<IncomingHttpHeaders>((resolve, reject) => {
      request({ agent: by, host: '127.0.0.1', port: server.port, path, headers: { host: 'app.example' } }, (answer) => {
        answer.resume().once('end', () => resolve(answer.headers))
      })
        .once('error', reject)
        .end()
    })
  return { server, agent, get }
}

describe(listen.name, () => {
  for (const path of ['/', '/jwks']) {
    it(`F19 closes a connection with its next answer (${path}), and stops when it is closed`, async () => {
      const { server, agent, get } = await start()
      expect((await get(path)).connection).to.equal('keep-alive')
      // longer than this test may take
      const stopped = server.stop({ drainMs: 300_000, answerMs: 300_000 })
      expect((await get(path)).connection).to.equal('close')
      await stopped
      agent.destroy()
    })
  }

  it('F19 answers new connections and one that stays idle, until the idle client has sent too', async () => {
    const [{ server, agent, get }, others] = [await start(), new Agent({ keepAlive: true, maxSockets: 1 })]
    await get('/')
    const stopped = server.stop({ drainMs: 20_000, answerMs: 1_000 })
    for (let times = 0; times < 20; times++) expect((await get('/jwks', others)).connection).to.equal('close')
    expect((await get('/')).connection).to.equal('close')
    await stopped
    agent.destroy()
  })

  it('F19 closes an idle connection when its client does not come back in time', async () => {
    const { server, agent, get } = await start()
    await get('/')
    await server.stop({ drainMs: 20, answerMs: 5_000 })
    agent.destroy()
  })
})

describe('its own TLS', () => {
  const serialAt = (port: number, ca: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', servername: 'app.example', ca })
      socket.once('secureConnect', () => {
        resolve(socket.getPeerX509Certificate()!.serialNumber)
        socket.destroy()
      })
      socket.once('error', reject)
    })
  /** @returns the suite of a connection, or why there was none */
  const suiteWith = (port: number, ca: string, options: ConnectionOptions) =>
    new Promise<string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', servername: 'app.example', ca, ...options })
      socket.once('secureConnect', () => {
        resolve(socket.getCipher().standardName)
        socket.destroy()
      })
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    })

  const recommended = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384']
  const others = getCiphers()
    .map((name) => name.toUpperCase())
    .filter((name) => !name.startsWith('TLS_') && !recommended.includes(name))

  for (const asksForCertificate of [false, true]) {
    const where = asksForCertificate ? 'at the port for certificates' : 'at the public port'
    it(`takes TLS 1.3, of TLS 1.2 what RFC 9325 recommends, and nothing older, also after its files are read again ${where}`, async () => {
      const authority = await createAuthority({ name: 'test', lifetimeMs: 3_600_000 })
      const directory = temporaryDirectory('test')
      const tls = { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') }
      const renew = async () => {
        const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: ['app.example'] })
        writeFileSync(tls.certFile, leaf.cert)
        writeFileSync(tls.keyFile, leaf.key)
        return new X509Certificate(leaf.cert).serialNumber
      }
      await renew()
      const about = { application: express(), discovery: () => false, hosts: new Set<string>(), log }
      mock.timers.enable({ apis: ['setInterval'] })
      const server = await listen({ ...about, listen: { host: '127.0.0.1', port: 0 }, tls, asksForCertificate })
      const suite = (options: ConnectionOptions) => suiteWith(server.port, authority.cert, options)
      const old = { maxVersion: 'TLSv1.2' } as const
      const takesWhatItShould = async () => {
        expect(await suite({})).to.equal('TLS_AES_256_GCM_SHA384')
        for (const ciphers of recommended)
          expect(await suite({ ...old, ciphers })).to.match(/^TLS_ECDHE_ECDSA_WITH_AES_(128|256)_GCM/)
        const taken: string[] = []
        for (const ciphers of others) if ((await suite({ ...old, ciphers })).startsWith('TLS_')) taken.push(ciphers)
        expect(taken).to.deep.equal([])
        const older = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
        expect(await suite(older)).to.contain('ALERT')
      }
      await takesWhatItShould()
      const renewed = await renew()
      mock.timers.tick(60_000)
      mock.timers.reset()
      expect(await serialAt(server.port, authority.cert)).to.equal(renewed)
      await takesWhatItShould()
      await server.stop({ drainMs: 0, answerMs: 1_000 })
    })
  }
})

describe(createApplication.name, () => {
  /** The handlers that a request passed, and the address that the protocol saw. */
  async function meet(method: string, path: string, over: Partial<Handlers> = {}) {
    const met: string[] = []
    const pass =
      (name: string): Handler =>
      (_request, _response, next) => {
        met.push(name)
        next()
      }
    const handlers: Handlers = {
      requestLog: pass('log'),
      pinHost: pass('host'),
      requestContext: pass('context'),
      headers: pass('headers'),
      assets: pass('assets'),
      logos: pass('logos'),
      discovery: () => false,
      options: pass('options'),
      keysLoaded: pass('keys'),
      pages: pass('pages'),
      logoutGuard: pass('guard'),
      postByGet: pass('post'),
      protocol: (request, response) => {
        met.push('protocol')
        response.end(`${request.url} of ${request.originalUrl}`)
      },
      notFound: (_request, response) => void response.writeHead(404).end('none'),
      errors: (error, _request, response) => void response.writeHead(503).end(String(error)),
      ...over,
    }
    const server = await listen({
      application: createApplication(handlers, '/base'),
      discovery: () => false,
      hosts: new Set(),
      listen: { host: '127.0.0.1', port: 0 },
      tls: undefined,
      log,
    })
    const outgoing = request({ host: '127.0.0.1', port: server.port, method, path }).end()
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    const status = answer.statusCode
    const body = await text(answer)
    await server.stop({ drainMs: 0, answerMs: 1_000 })
    return { met, status, text: body }
  }
  const short = ['log', 'headers', 'host', 'context', 'keys', 'protocol']

  for (const path of ['/token', '/introspect', '/revoke', '/request', '/userinfo'])
    it(`passes POST ${path} to the protocol without Express, with the same address as through Express`, async () => {
      expect(await meet('POST', `/base${path}?a=1`)).to.deep.equal({
        met: short,
        status: 200,
        text: `${path}?a=1 of /base${path}?a=1`,
      })
      expect((await meet('GET', `/base${path}?a=1`)).text).to.equal(`${path}?a=1 of /base${path}?a=1`)
    })

  for (const [method, path] of [
    ['GET', '/base/token'],
    ['POST', '/base/authorize'],
    ['POST', '/base/token/'],
    ['POST', '/token'],
    ['HEAD', '/base/authorize'],
    ['GET', '/base/authority'],
    ['GET', '/authorize'],
    ['DELETE', '/base/interaction/token'],
  ] as const)
    it(`passes ${method} ${path} through Express`, async () => {
      expect((await meet(method, path)).met).to.include.members(['assets', 'pages', 'post'])
    })

  for (const path of [
    '/base/TOKEN',
    '/base/token/',
    '/base/token#x',
    '/base//token',
    '/base/%74oken',
    '/BASE/token',
    '/base/logout/confirm/',
    '/base/Logout/confirm',
    '/base/logout/confirm#x',
    '/base/device/',
    '/base/authorize/',
    '/base/authorize/an-id/',
    '/base/authorize/an-id#x',
    '/token',
  ])
    for (const method of ['GET', 'POST'])
      it(`L1 E2 passes ${method} ${path} to no protocol: it takes more spellings than what guards it knows`, async () => {
        const { met, status } = await meet(method, path)
        expect([met.includes('protocol'), status]).to.deep.equal([false, 404])
      })

  for (const path of ['/authorize', '/authorize/an-id'])
    it(`passes GET ${path} to the protocol without Express`, async () => {
      expect(await meet('GET', `/base${path}?a=1`)).to.deep.equal({
        met: short,
        status: 200,
        text: `${path}?a=1 of /base${path}?a=1`,
      })
    })

  for (const [method, path] of [
    ['GET', '/base/interaction/an-id'],
    ['POST', '/base/interaction/an-id/sign-in'],
  ] as const)
    it(`passes ${method} ${path} to the pages without Express`, async () => {
      expect(await meet(method, path)).to.deep.equal({
        met: ['log', 'headers', 'host', 'context', 'keys', 'pages'],
        status: 404,
        text: 'none',
      })
    })

  for (const [method, path] of [
    ['GET', '/authorize'],
    ['POST', '/token'],
    ['GET', '/logout'],
    ['POST', '/authorize'],
  ] as const)
    it(`takes an absolute target as its path, whoever serves it: ${method} ${path}`, async () => {
      const plain = await meet(method, `/base${path}?client_id=one.that.is.longer.than.the.host`)
      expect(plain.met).to.include('protocol')
      const target = `http://login.example.com/base${path}?client_id=one.that.is.longer.than.the.host`
      expect(await meet(method, target)).to.deep.equal(plain)
    })

  it('answers when a handler without Express throws or passes on an error, and when the protocol passes on', async () => {
    const thrown = await meet('POST', '/base/token', {
      headers: () => {
        throw new Error('thrown')
      },
    })
    expect([thrown.status, thrown.text]).to.deep.equal([503, 'Error: thrown'])
    const handed = await meet('POST', '/base/token', { keysLoaded: (_request, _response, next) => next('handed on') })
    expect([handed.status, handed.text]).to.deep.equal([503, 'handed on'])
    const passed = await meet('POST', '/base/token', { protocol: (_request, _response, next) => next() })
    expect([passed.status, passed.text]).to.deep.equal([404, 'none'])
  })
})
