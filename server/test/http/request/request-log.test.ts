import { expect } from 'chai'
import type { RequestHandler } from 'express'
import { createRequestLog, createRouteNames } from '../../../src/http/request/request-log.ts'
import { recordGrantedLine, markPromptIgnored } from '../../../src/oidc/request-line.ts'
import { keepLog, serve } from '../harness.ts'

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

  it('logs a warning for a status of 500 and above', async () => {
    const log = keepLog()
    const running = await serve([createRequestLog({ log, routeOf: () => '/token', now: () => 0 }), answer(503)])
    await running.ask('/token')
    await running.stop()
    expect(log.lines.map(({ level }) => level)).to.deep.equal(['warn'])
  })
})

describe('the line of a request that was granted a token', () => {
  const granted = { event: 'token.issued', outcome: 'success', correlation: 'abc' }
  const linesAfter = async (status: number) => {
    const log = keepLog()
    const grant: RequestHandler = (request, response) => {
      recordGrantedLine(request, granted)
      response.status(status).end()
    }
    const running = await serve([createRequestLog({ log, routeOf: () => '/token', now: () => 0 }), grant])
    await running.ask('/token')
    await running.stop()
    return log.lines
  }

  it('is the line of its audit event, and there is no other', async () => {
    const fields = { ...granted, method: 'GET', route: '/token', status: 200, milliseconds: 0, lane: undefined }
    expect(await linesAfter(200)).to.deep.equal([{ level: 'later', message: 'audit', fields }])
  })

  it('is a warning when the answer failed all the same', async () => {
    expect((await linesAfter(503)).map(({ level }) => level)).to.deep.equal(['warn'])
  })
})

describe('the line of any other request', () => {
  const waits: readonly [number, string][] = [
    [200, 'later'],
    [303, 'later'],
    [400, 'info'],
    [401, 'info'],
    [429, 'info'],
  ]
  for (const [status, level] of waits) {
    it(`${level === 'later' ? 'may wait' : 'leaves at once'} after ${status}`, async () => {
      const log = keepLog()
      const running = await serve([createRequestLog({ log, routeOf: () => '/token', now: () => 0 }), answer(status)])
      await running.ask('/token')
      await running.stop()
      expect(log.lines.map((line) => line.level)).to.deep.equal([level])
    })
  }
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
