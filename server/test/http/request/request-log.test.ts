import { setSpanRecorder } from '@nauthera/runtime/traces'
import { expect } from 'chai'
import type { RequestHandler } from 'express'
import { createRequestLog, createRouteNames } from '../../../src/http/request/request-log.ts'
import { recordGrantedLine, markPromptIgnored } from '../../../src/oidc/request-line.ts'
import { keepLog, serve } from '../harness.ts'
import type { RecordedLine } from '../harness.ts'

const paths = [
  '/.well-known/openid-configuration',
  '/token',
  '/introspect',
  '/authorize',
  '/authorize/:uid',
  '/interaction/:uid/sign-in',
]

/** What the log leaves out. */
const unsaid = { address: undefined, lane: undefined, prompt: undefined }
const answer =
  (status: number): RequestHandler =>
  (_, response) =>
    void response.status(status).end()

/** The lines of a request to a handler. */
async function linesOf(handler: RequestHandler): Promise<readonly RecordedLine[]> {
  const log = keepLog()
  const running = await serve([createRequestLog({ log, routeOf: () => '/token', now: () => 0 }), handler])
  await running.ask('/token')
  await running.stop()
  return log.lines
}

describe(createRequestLog.name, () => {
  it('I6 writes one line, without query, cookie, body or an id that the caller sent', async () => {
    const log = keepLog()
    const observed: unknown[] = []
    let clock = 0
    const running = await serve([
      createRequestLog({
        log,
        routeOf: createRouteNames(paths, ''),
        now: () => (clock += 12.5),
        observe: (request) => observed.push(request),
      }),
      answer(303),
    ])
    const reply = await running.ask('/authorize/canary-uid?code=canary-code&state=canary-state', {
      method: 'POST',
      headers: {
        cookie: 'session=canary-cookie',
        authorization: 'Bearer canary-token',
        'x-correlation-id': 'canary-id',
      },
      body: 'password=canary-password',
    })
    await running.stop()
    expect(log.lines).to.have.length(1)
    expect(JSON.stringify(log.lines)).not.to.contain('canary')
    const id = reply.headers['x-correlation-id']
    expect(id).to.match(/^[0-9a-f]{16}$/)
    expect(log.lines[0]).to.deep.equal({
      level: 'later',
      message: 'request',
      fields: { id, method: 'POST', route: '/authorize/:', status: 303, milliseconds: 12.5, ...unsaid },
    })
    expect(observed).to.deep.equal([{ route: '/authorize/:', status: 303, seconds: 0.0125 }])
  })

  it('says that words of the prompt were ignored, and not which', async () => {
    const log = keepLog()
    const ignore: RequestHandler = (request, response) => {
      markPromptIgnored(request)
      response.status(303).end()
    }
    const running = await serve([createRequestLog({ log, routeOf: () => '/authorize', now: () => 0 }), ignore])
    await running.ask('/authorize?prompt=canary')
    await running.stop()
    expect(log.lines[0]!.fields).to.include({ status: 303, prompt: 'partly ignored' })
    expect(JSON.stringify(log.lines)).not.to.contain('canary')
  })

  describe('with traces', () => {
    const ends: unknown[] = []
    before(() => {
      const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
      setSpanRecorder({
        around: (_name, _attributes, work) => work(),
        openRequest: () => ({
          ids,
          run: (work) => work(),
          end: (attributes, outcome) => void ends.push([attributes['http.response.status_code'], outcome]),
        }),
        record: () => undefined,
        active: () => undefined,
      })
    })
    after(() => setSpanRecorder(undefined))

    for (const [status, outcome] of [
      [200, 'ok'],
      [499, 'ok'],
      [500, 'failed'],
    ] as const)
      it(`ends the span as ${outcome} after ${status}`, async () => {
        ends.length = 0
        expect(await linesOf(answer(status))).to.have.length(1)
        expect(ends).to.deep.equal([[status, outcome]])
      })
  })
})

describe('the line of a request that was granted a token', () => {
  const granted = { event: 'token.issued', outcome: 'success', correlation: 'abc' }
  const linesAfter = (status: number) =>
    linesOf((request, response) => {
      recordGrantedLine(request, granted)
      response.status(status).end()
    })

  it('is the line of its audit event, and there is no other', async () => {
    const fields = { ...granted, method: 'GET', route: '/token', status: 200, milliseconds: 0, lane: undefined }
    expect(await linesAfter(200)).to.deep.equal([{ level: 'later', message: 'audit', fields }])
  })

  it('is a warning when the answer failed all the same, which begins at 500', async () => {
    expect((await linesAfter(500)).map(({ level }) => level)).to.deep.equal(['warn'])
    expect((await linesAfter(499)).map(({ level }) => level)).to.deep.equal(['later'])
  })
})

describe('the line of any other request', () => {
  const says = { later: 'may wait', info: 'leaves at once', warn: 'is a warning' }
  const levels: readonly [number, keyof typeof says][] = [
    [200, 'later'],
    [303, 'later'],
    [399, 'later'],
    [400, 'info'],
    [401, 'info'],
    [429, 'info'],
    [499, 'info'],
    [500, 'warn'],
    [503, 'warn'],
  ]
  for (const [status, level] of levels)
    it(`${says[level]} after ${status}`, async () =>
      expect((await linesOf(answer(status))).map((line) => line.level)).to.deep.equal([level]))
})

describe(createRouteNames.name, () => {
  const rules: [string, string, string][] = [
    ['/token', '', '/token'],
    ['/introspect', '', '/introspect'],
    ['/interaction/8sdf7/sign-in', '', '/interaction/:/sign-in'],
    ['/sso/authorize/x', '/sso', '/authorize/:'],
    ['/.well-known/openid-configuration', '', '/.well-known/openid-configuration'],
    ['/wp-admin/setup.php', '', 'other'],
    ['/', '', 'other'],
    ['/authorize/a/b/c/d/e/f', '', '/authorize/*'],
    ['/interaction/sign-in/sign-in', '', '/interaction/:/sign-in'],
    ['/interaction/sign-in/interaction/sign-in', '', '/interaction/*'],
    ['/introspection', '', 'other'],
    ['/authorize/uid', '', '/authorize/:'],
  ]
  for (const [path, basePath, route] of rules) {
    it(`E7 names ${path} ${route}`, () => expect(createRouteNames(paths, basePath)(path)).to.equal(route))
  }
})
