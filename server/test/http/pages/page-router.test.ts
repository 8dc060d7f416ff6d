import type { IncomingMessage } from 'node:http'
import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import type { RequestHandler } from 'express'
import type { Exchange } from '../../../src/oidc/cookies.ts'
import type { Page, PageRequest, Reply, Route } from '../../../src/reply.ts'
import { createErrorHandler, createNotFound } from '../../../src/http/pages/error-page.ts'
import { createPageRouter } from '../../../src/http/pages/page-router.ts'
import { recordPeer } from '../../../src/http/request/peer.ts'
import { createRequestLog } from '../../../src/http/request/request-log.ts'
import { maxBodyBytes } from '../../../src/http/request/timeouts.ts'
import type { AuditEvent } from '../../../src/store/audit/audit-event.ts'
import { keepLog, serve, testPages, testTokens } from '../harness.ts'
import type { RunningPages } from '../harness.ts'
import { samplePages } from '../sample-pages.ts'

const origin = 'https://login.example.com'
const { pages } = testPages()
const html = { accept: 'text/html' }
const formType = { 'content-type': 'application/x-www-form-urlencoded' }

const peer: RequestHandler = (request, _, next) => {
  recordPeer(request, { address: '203.0.113.9', userAgent: 'test' })
  next()
}

describe('createPageRouter', () => {
  const log = keepLog()
  const audited: AuditEvent[] = []
  const handled: PageRequest[] = []
  let running: RunningPages
  let reply: () => Promise<Reply>
  let tooMany: Page | undefined
  const handle = (request: PageRequest) => {
    handled.push(request)
    return reply()
  }
  const routes: Route[] = [
    { method: 'GET', path: '/interaction/:uid', handle },
    { method: 'POST', path: '/interaction/:uid/sign-in', handle },
    { method: 'GET', path: '/account', boundTo: 'session', handle },
    { method: 'POST', path: '/account', boundTo: 'session', handle },
    { method: 'GET', path: '/forgot', boundTo: 'browser', handle },
    { method: 'POST', path: '/forgot', boundTo: 'browser', handle },
    { method: 'GET', path: '/plain', handle },
  ]
  const browserOf = ({ request }: Exchange) => request.headers.cookie ?? 'new'
  const needs = { basePath: '', origin, pages, tokens: testTokens, browserOf }
  before(async () => {
    const sessionOf = ({ headers }: IncomingMessage) =>
      headers.cookie === undefined ? undefined : { uid: headers.cookie }
    const limitOf = () => tooMany
    const audit = { record: (event: AuditEvent) => void audited.push(event) }
    running = await serve(
      [
        createRequestLog({ log, routeOf: (path) => path, now: () => 0 }),
        peer,
        createPageRouter({ ...needs, routes, sessionOf, limitOf, audit, deadlineMs: 50 }),
        createNotFound({ pages }),
      ],
      createErrorHandler({ pages, log }),
    )
  })
  after(() => running.stop())
  beforeEach(() => {
    handled.length = 0
    audited.length = 0
    log.lines.length = 0
    tooMany = undefined
    reply = async () => samplePages['sign-in']!
  })
  const post = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    running.ask('/interaction/u1/sign-in', {
      method: 'POST',
      headers: { ...html, ...formType, ...headers },
      body: new URLSearchParams(fields).toString(),
    })
  const token = testTokens.mint('interaction:u1')

  it('answers with a page whose form has the token of its interaction, and that no cache keeps', async () => {
    const answer = await running.ask('/interaction/u1?lang=de', { headers: html })
    expect(answer.status).to.equal(200)
    expect(answer.headers['cache-control']).to.equal('no-store')
    expect(answer.body).to.contain(`name="form_token" value="${token}"`)
    expect(answer.headers['content-security-policy']).to.contain("form-action 'self' https://expenses.example.com")
    expect(handled[0]).to.deep.include({ method: 'GET', params: { uid: 'u1' } })
  })

  it('asks for nothing of a form that is one too many, not even its body', async () => {
    tooMany = samplePages['error when there were too many']!
    const answer = await post({ form_token: token, username: 'ada' }, { origin })
    expect(answer).to.deep.include({ status: 429 })
    expect(answer.headers['retry-after']).to.equal('37')
    expect(answer.body.replaceAll(/<[^>]*>/g, '')).to.contain('Try again in 37 seconds')
    expect([handled, audited]).to.deep.equal([[], []])
  })

  it('answers a redirect with 303 and without a body', async () => {
    reply = async () => ({ kind: 'redirect', location: '/interaction/u1' })
    const answer = await post({ form_token: token, username: 'ada' }, { origin, 'sec-fetch-site': 'same-origin' })
    expect(answer).to.include({ status: 303, body: '' })
    expect(answer.headers['location']).to.equal('/interaction/u1')
    expect(answer.headers['cache-control']).to.equal('no-store')
    expect(handled[0]?.form.get('username')).to.equal('ada')
  })

  const attacks: [string, Record<string, string>, Record<string, string>][] = [
    ['another site', { form_token: token }, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
    ['no token', { username: 'ada' }, { origin }],
    ['another interaction', { form_token: testTokens.mint('interaction:u2') }, { origin }],
  ]
  for (const [what, fields, headers] of attacks) {
    it(`L1 refuses a form with ${what} with 403 and one audit event, and accepts the next good one`, async () => {
      const answer = await post({ ...fields, password: 'canary-password' }, headers)
      expect(answer.status).to.equal(403)
      expect(answer.body).to.contain('FORM_REFUSED').and.not.contain('canary')
      expect(handled).to.deep.equal([])
      expect(audited.map(({ event, address }) => ({ event, address }))).to.deep.equal([
        { event: 'signin.refused', address: '203.0.113.9' },
      ])
      expect(JSON.stringify([audited, log.lines])).not.to.contain('canary')
      expect((await post({ form_token: token }, { origin })).status).to.equal(200)
    })
  }

  it('L1 binds the forms of a personal page to the session of the browser', async () => {
    const form = (fields: Record<string, string>, cookie?: string) =>
      running.ask('/account', {
        method: 'POST',
        headers: { ...html, ...formType, origin, ...(cookie === undefined ? {} : { cookie }) },
        body: new URLSearchParams(fields).toString(),
      })
    const own = { form_token: testTokens.mint('session:s1') }
    expect((await form(own, 's1')).status).to.equal(200)
    for (const [fields, cookie] of [
      [own, 's2'],
      [{ form_token: testTokens.mint('interaction:') }, 's1'],
      [{ form_token: testTokens.mint('session:') }, 's1'],
      [{}, 's1'],
    ] as const) {
      expect((await form(fields, cookie)).status).to.equal(403)
    }
    expect(handled).to.have.length(1)
  })

  it('L1 binds the forms of a page for everybody to the browser', async () => {
    const form = (token: string, cookie?: string) =>
      running.ask('/forgot', {
        method: 'POST',
        headers: { ...html, ...formType, origin, ...(cookie === undefined ? {} : { cookie }) },
        body: new URLSearchParams({ form_token: token }).toString(),
      })
    const own = testTokens.mint('browser:b1')
    const page = await running.ask('/forgot', { headers: { ...html, cookie: 'b1' } })
    expect(page.body).to.contain(`name="form_token" value="${own}"`)
    expect((await form(own, 'b1')).status).to.equal(200)
    for (const [token, cookie] of [
      [own, 'b2'],
      [own, undefined],
      [testTokens.mint('interaction:'), 'b1'],
      [testTokens.mint('browser:'), undefined],
    ] as const)
      expect((await form(token, cookie)).status).to.equal(403)
    expect((await running.ask('/plain', { headers: html })).body).not.to.contain('form_token')
  })

  it('takes no table with a form that is bound to nothing', () => {
    const routes: Route[] = [{ method: 'POST', path: '/forgot', handle }]
    const create = () =>
      createPageRouter({
        ...needs,
        routes,
        sessionOf: () => undefined,
        limitOf: () => undefined,
        audit: { record() {} },
      })
    expect(create).to.throw('/forgot are bound to nothing')
  })

  it('leads a form whose session is over to its page, and does nothing', async () => {
    const answer = await running.ask('/account', { method: 'POST', headers: { ...formType, origin }, body: 'a=b' })
    expect([answer.status, answer.headers['location']]).to.deep.equal([303, '/account'])
    expect(handled).to.deep.equal([])
  })

  it('E10 refuses a body over 56 KiB with 413', async () => {
    const answer = await post({ form_token: token, password: 'x'.repeat(maxBodyBytes) })
    expect(answer.status).to.equal(413)
    expect(handled).to.deep.equal([])
  })

  it('E9 treats __proto__ as a name like any other', async () => {
    await post({ form_token: token, ['__proto__']: 'polluted', 'constructor[prototype][polluted]': '1' })
    expect(handled[0]?.form.get('__proto__')).to.equal('polluted')
    expect(handled).to.have.length(1)
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
  })

  it('L1 treats a body of another type as a form without a token', async () => {
    const answer = await running.ask('/interaction/u1/sign-in', {
      method: 'POST',
      headers: { ...html, 'content-type': 'text/plain' },
      body: `form_token=${token}`,
    })
    expect(answer.status).to.equal(403)
  })

  it('I2 answers 503 with Retry-After when the database is away, as a page that can be tried again', async () => {
    reply = () => Promise.reject(new CodedError('STORE_UNAVAILABLE', { message: 'canary-host refused' }))
    const answer = await post({ form_token: token })
    expect(answer.status).to.equal(503)
    expect(answer.headers['retry-after']).to.equal('2')
    expect(answer.body).to.contain('STORE_UNAVAILABLE').and.contain('id="try-again"').and.not.contain('canary')
  })

  it('answers 503 when a handler does not end before its deadline', async () => {
    reply = () => new Promise(() => {})
    expect((await running.ask('/interaction/u1', { headers: html })).status).to.equal(503)
  })

  it('answers an unexpected error with 500, and tells the reason only to the log', async () => {
    reply = () => Promise.reject(new TypeError('canary-reason'))
    const answer = await running.ask('/interaction/u1', { headers: html })
    expect(answer.status).to.equal(500)
    expect(answer.body).to.contain('INTERNAL').and.not.contain('canary')
    const failed = log.lines.find(({ message }) => message === 'request failed')
    expect(String(failed?.fields['error'])).to.contain('canary-reason')
    expect(failed?.fields['id']).to.equal(answer.headers['x-correlation-id'])
  })

  it('answers an unknown path with 404: a page for people, JSON for programs', async () => {
    const page = await running.ask('/nothing?q=<script>', { headers: html })
    expect(page.status).to.equal(404)
    expect(page.body).to.contain('<h1>').and.not.contain('<script')
    const json = await running.ask('/nothing')
    expect(json.status).to.equal(404)
    expect(JSON.parse(json.body)).to.deep.equal({ error: 'invalid_request', error_description: 'NOT_FOUND' })
  })

  it('L18 answers headers over 32 KiB with 431', async () => {
    const cookie = 'x'.repeat(64 * 1024)
    const answer = await running.askRaw(`GET /interaction/u1 HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`)
    expect(answer).to.match(/^HTTP\/1.1 431 /)
  })
})
