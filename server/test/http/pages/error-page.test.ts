import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { localesDirectory } from '../../../src/files.ts'
import { answerTo, answerToCode, createErrorHandler, pageFor, pathOf } from '../../../src/http/pages/error-page.ts'
import { keepLog, serve, testPages } from '../harness.ts'

const httpError = (status: number) => Object.assign(new Error('canary'), { status })

describe('answerTo', () => {
  const rules: [string, unknown, { status: number; code: string; retryAfter?: number }][] = [
    [
      '503, again in 2 s, while the database is away',
      new CodedError('STORE_UNAVAILABLE'),
      { status: 503, code: 'STORE_UNAVAILABLE', retryAfter: 2 },
    ],
    [
      '429, again in 2 s, while too many passwords wait',
      new CodedError('PASSWORD_QUEUE_FULL'),
      { status: 429, code: 'PASSWORD_QUEUE_FULL', retryAfter: 2 },
    ],
    [
      '500 for a code that no caller should meet',
      new CodedError('KEY_RING_INVALID'),
      { status: 500, code: 'INTERNAL' },
    ],
    ['413 for a body that is too large', httpError(413), { status: 413, code: 'BODY_TOO_LARGE' }],
    ['400 for a path that cannot be decoded', httpError(400), { status: 400, code: 'REQUEST_INVALID' }],
    ['500 for any 5xx that somebody else chose', httpError(502), { status: 500, code: 'INTERNAL' }],
    ['500 for a thrown value that is no error', 'text', { status: 500, code: 'INTERNAL' }],
    ['500 to nothing', undefined, { status: 500, code: 'INTERNAL' }],
  ]
  for (const [sentence, error, expected] of rules) {
    it(`answers ${sentence}`, () => expect(answerTo(error)).to.deep.include(expected))
  }

  it('has a text for each answer', () => {
    const english = JSON.parse(readFileSync(join(localesDirectory, 'en.json'), 'utf8')) as Record<string, string>
    for (const [, error] of rules) expect(english).to.have.property(`error.${answerTo(error).key}.title`)
    for (const code of ['INTERACTION_EXPIRED', 'INTERACTION_SPENT']) {
      expect(english).to.have.property(`error.${answerToCode(code)?.key}.title`)
    }
  })

  it('E9 finds no code on the prototype', () => {
    for (const code of ['constructor', '__proto__', 'toString', 7, undefined]) {
      expect(answerToCode(code)).to.equal(undefined)
    }
  })
})

describe('pathOf', () => {
  const rules: [string, string][] = [
    ['/interaction/u1', '/interaction/u1'],
    ['//evil.test/x', '/evil.test/x'],
    ['/\\evil.test', '/evil.test'],
  ]
  for (const [address, path] of rules)
    it(`leads to ${path}`, () => expect(pathOf({ originalUrl: address })).to.equal(path))

  it('is offered only where trying again can help', () => {
    expect(pageFor(answerTo(new CodedError('STORE_UNAVAILABLE')), '/a').model).to.include({ retryUrl: '/a' })
    expect(pageFor(answerTo(new Error()), '/a').model).to.include({ retryUrl: undefined })
  })
})

describe('createErrorHandler', () => {
  it('answers programs in OAuth’s form, with Retry-After and without the reason', async () => {
    const { pages } = testPages()
    const running = await serve(
      [(_request, _response, next) => next(new CodedError('STORE_UNAVAILABLE', { message: 'canary' }))],
      createErrorHandler({ pages, log: keepLog() }),
    )
    const answer = await running.ask('/token', { method: 'POST', headers: { accept: 'application/json' } })
    await running.stop()
    expect(answer.status).to.equal(503)
    expect(answer.headers).to.include({ 'retry-after': '2', 'cache-control': 'no-store' })
    expect(JSON.parse(answer.body)).to.deep.equal({
      error: 'temporarily_unavailable',
      error_description: 'STORE_UNAVAILABLE',
    })
  })
})
