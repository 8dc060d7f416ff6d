import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { startTraces } from '@nauthera/runtime/export-traces'
import { createLog } from '@nauthera/runtime/log'
import { changeSpan, inSpan, recordOfChange, spanRecorder } from '@nauthera/runtime/traces'

interface ReceivedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly status?: { readonly code?: number }
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]
}

interface Sent {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[] }[]
}

describe('traces', () => {
  let collector: Server
  let stop: (() => Promise<void>) | undefined
  let spans: ReceivedSpan[]
  let paths: string[]
  const warnings: string[] = []
  const log = { warn: (_fields: object, message: string) => void warnings.push(message) }
  const named = (name: string) => {
    const found = spans.find((span) => span.name === name)
    expect(found, `${name} of ${spans.map((span) => span.name).join()}`).not.to.equal(undefined)
    return found!
  }

  beforeEach(async () => {
    spans = []
    paths = []
    warnings.length = 0
    collector = createServer((request, response) => {
      void text(request).then((body) => {
        paths.push(request.url ?? '')
        const { resourceSpans } = JSON.parse(body) as Sent
        spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
        response.setHeader('content-type', 'application/json').setHeader('connection', 'close').end('{}')
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    await stop?.()
    stop = undefined
    collector.closeAllConnections()
    await new Promise((resolve) => collector.close(resolve))
  })

  const start = (options: { sampleRatio?: number } = {}) => {
    const address = collector.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const endpoint = `http://127.0.0.1:${port}/`
    stop = startTraces({ process: 'server', version: '0.1.0', endpoint, sampleRatio: 1, ...options, log })
  }
  const end = async () => {
    await stop?.()
    stop = undefined
  }
  const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
  const traceparent = `00-${remote.traceId}-${remote.spanId}-01`

  it('runs the work as it is while traces are off', async () => {
    expect(await inSpan('query', {}, () => Promise.resolve(7))).to.equal(7)
    expect(spanRecorder()).to.equal(undefined)
  })

  it('puts the queries of a request below it, and the request below the span of its caller', async () => {
    start()
    const request = spanRecorder()!.openRequest('POST /token', { 'http.route': '/token' }, traceparent)
    await request.run(() => inSpan('find client', {}, () => Promise.resolve()))
    request.end({ 'http.response.status_code': 200 }, 'ok')
    await end()
    expect(named('POST /token')).to.include({ traceId: remote.traceId, parentSpanId: remote.spanId })
    expect(named('find client')).to.include({ traceId: remote.traceId, parentSpanId: named('POST /token').spanId })
    expect(paths).to.deep.equal(['/v1/traces'])
  })

  it('begins a trace of its own when the header is damaged', async () => {
    start()
    spanRecorder()!.openRequest('GET /me', {}, 'nonsense').end({}, 'ok')
    await end()
    expect(named('GET /me').traceId).to.match(/^[0-9a-f]{32}$/)
    expect(named('GET /me').parentSpanId ?? '').to.equal('')
  })

  it('marks a span that failed by the class of the error, without its message', async () => {
    start()
    const failing = inSpan('find person', {}, () => Promise.reject(new TypeError('ada@example.com')))
    await failing.catch((error: unknown) => expect(error).to.be.instanceOf(TypeError))
    await end()
    expect(named('find person').status?.code).to.equal(2)
    expect(JSON.stringify(spans)).to.contain('TypeError').and.not.to.contain('ada@example.com')
  })

  it('gives every process the same trace of a change of a shard', async () => {
    start()
    const digest = '0123456789abcdef'.repeat(4)
    recordOfChange(digest, 'apply shard', Date.now() - 5, { change: 'c7f2' })
    const about = { startedAt: Date.now() - 9, endedAt: Date.now(), attributes: {} }
    spanRecorder()!.record({ name: 'change', ...changeSpan(digest), ...about })
    await end()
    expect(named('change')).to.include(changeSpan(digest))
    expect(named('apply shard')).to.include({
      traceId: changeSpan(digest).traceId,
      parentSpanId: changeSpan(digest).spanId,
    })
  })

  it('names the span in log lines that are written in it', async () => {
    start()
    const lines: string[] = []
    const traced = createLog({
      process: 'server',
      level: 'info',
      format: 'json',
      traced: true,
      sink: { write: (line) => void lines.push(line) },
    })
    const request = spanRecorder()!.openRequest('GET /auth', {}, traceparent)
    request.run(() => traced.info({ id: '1' }, 'request'))
    traced.info({}, 'outside')
    request.end({}, 'ok')
    expect(JSON.parse(lines[0]!)).to.include({ trace_id: remote.traceId, span_id: request.ids.spanId })
    expect(JSON.parse(lines[1]!)).not.to.have.property('trace_id')
  })

  it('sends no trace at a ratio of 0, even when a stranger asks for one', async () => {
    start({ sampleRatio: 0 })
    spanRecorder()!.openRequest('GET /auth', {}, traceparent).end({}, 'ok')
    await end()
    expect(spans).to.deep.equal([])
  })

  it('goes on without the collector, says so once, and ends in time', async () => {
    const log = { warn: (_fields: object, message: string) => void warnings.push(message) }
    stop = startTraces({ process: 'server', version: '0.1.0', endpoint: 'http://127.0.0.1:9', sampleRatio: 1, log })
    expect(await inSpan('query', {}, () => Promise.resolve(7))).to.equal(7)
    const began = performance.now()
    await end()
    expect(performance.now() - began).to.be.lessThan(4_000)
    expect(warnings.length).to.be.at.most(1)
  })
})
