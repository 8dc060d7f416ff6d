import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mock } from 'node:test'
import { findUnsettled, startOddServer } from '@nauthera/harness/odd-answers'
import { expect } from 'chai'
import { ApiError, isNotFound } from '../../src/kubernetes/api-error.ts'
import { apiTimeouts, createConnection } from '../../src/kubernetes/connection.ts'
import type { ApiTimeouts, KubeConnection } from '../../src/kubernetes/connection.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

describe('createConnection', () => {
  let server: Server
  let connection: KubeConnection
  let handler: Handler
  let calls: number

  const status = (response: ServerResponse, code: number, reason: string, headers: Record<string, string> = {}) =>
    response
      .writeHead(code, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ kind: 'Status', code, reason, message: `${reason} it is` }))
  const failure = async (work: Promise<unknown>): Promise<ApiError> => {
    try {
      await work
    } catch (error) {
      expect(error).to.be.instanceOf(ApiError)
      return error as ApiError
    }
    throw new Error('it did not fail')
  }
  const connect = (timeouts: Partial<ApiTimeouts> = {}) =>
    createConnection({
      credentials: {
        server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`),
        namespace: undefined,
        current: async () => ({ headers: { authorization: 'Bearer token' }, tls: {} }),
      },
      userAgent: 'test',
      timeouts: { ...apiTimeouts, ...timeouts },
    })
  const get = () => connection.call({ method: 'GET', path: '/api/v1/namespaces/a/secrets/b' })
  const post = () => connection.call({ method: 'POST', path: '/api/v1/namespaces/a/secrets', body: {} })
  const watch = () => connection.watch({ path: '/api/v1/pods', signal: new AbortController().signal })

  beforeEach(async () => {
    calls = 0
    server = createServer((request, response) => {
      calls++
      handler(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    connection = connect()
  })
  afterEach(async () => {
    connection.stop()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  for (const [kind, use] of [
    ['call', (odd: KubeConnection, path: string) => odd.call({ method: 'GET', path })],
    [
      'watch',
      async (odd: KubeConnection, path: string) => {
        for await (const _line of odd.watch({ path, signal: new AbortController().signal }));
      },
    ],
  ] as const)
    it(`L36 ends a ${kind} within its limit, whatever is answered and however it ends, and the next one works`, async () => {
      const odd = await startOddServer()
      const limited = createConnection({
        credentials: {
          server: new URL(odd.origin),
          namespace: undefined,
          current: async () => ({ headers: {}, tls: {} }),
        },
        userAgent: 'test',
        timeouts: { connectMs: 10_000, requestMs: 200, leaseMs: 200, pageMs: 200, silenceMs: 200 },
      })
      try {
        expect(await findUnsettled((path) => use(limited, path), 20_000)).to.deep.equal([])
      } finally {
        limited.stop()
        odd.stop()
      }
    })

  it('sends path, query, body, type and token', async () => {
    let seen: unknown
    handler = (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { url, method, headers } = request
        seen = [method, url, headers['content-type'], headers.authorization, Buffer.concat(chunks).toString()]
        response.end('{"ok":true}')
      })
    }
    const answer = await connection.call({
      method: 'PATCH',
      path: '/api/v1/x',
      query: { force: 'true', nothing: undefined },
      contentType: 'application/merge-patch+json',
      body: { a: 1 },
    })
    expect(answer).to.deep.equal({ ok: true })
    expect(seen).to.deep.equal([
      'PATCH',
      '/prefix/api/v1/x?force=true',
      'application/merge-patch+json',
      'Bearer token',
      '{"a":1}',
    ])
  })

  it('K5 takes only a Status of the API for a 404', async () => {
    handler = (_request, response) => void status(response, 404, 'NotFound')
    expect(isNotFound(await failure(get()))).to.equal(true)
    handler = (_request, response) => void response.writeHead(404).end('<html>no such page</html>')
    expect(isNotFound(await failure(get()))).to.equal(false)
  })

  it('tells status, reason and Retry-After of a refusal', async () => {
    handler = (_request, response) => void status(response, 429, 'TooManyRequests', { 'retry-after': '4' })
    expect(await failure(get())).to.include({ code: 'KUBERNETES_REFUSED', status: 429, retryAfterMs: 4_000 })
  })

  it('gives up a call that is not answered in time: its outcome is not known', async () => {
    connection.stop()
    connection = connect({ requestMs: 50 })
    handler = () => {}
    expect(await failure(post())).to.include({ code: 'KUBERNETES_UNREACHABLE', status: undefined })
  })

  it('gives up a call whose answer stops in the middle', async () => {
    connection.stop()
    connection = connect({ requestMs: 50 })
    handler = (_request, response) => void response.writeHead(200, { 'content-length': '100' }).write('{"half":')
    expect(await failure(get())).to.include({ code: 'KUBERNETES_UNREACHABLE' })
  })

  it('treats an answer that is not JSON as a fault on the way to the API', async () => {
    handler = (_request, response) => void response.end('<html>welcome</html>')
    expect(await failure(get())).to.include({ code: 'KUBERNETES_ANSWER_INVALID' })
  })

  it('reads once more after a reset, and never writes twice', async () => {
    handler = (request, response) => {
      if (calls === 1) request.socket.resetAndDestroy()
      else response.end('{"second":true}')
    }
    expect(await get()).to.deep.equal({ second: true })
    calls = 0
    expect(await failure(post())).to.include({ code: 'KUBERNETES_UNREACHABLE' })
    expect(calls).to.equal(1)
  })

  it('never puts a body into a message', async () => {
    handler = (_request, response) => void status(response, 422, 'Invalid')
    const error = await failure(connection.call({ method: 'POST', path: '/api/v1/x', body: { data: 'c2VjcmV0' } }))
    expect(error.message).not.to.include('c2VjcmV0')
  })

  it('yields the lines of a watch however they are cut', async () => {
    handler = (_request, response) => {
      response.write('{"type":"ADD')
      response.write('ED","object":{"a":"\u00e4"}}\n{"type":"BOOKMARK"}')
      response.end('\n\n')
    }
    const lines: unknown[] = []
    for await (const line of watch()) lines.push(line)
    expect(lines).to.deep.equal([{ type: 'ADDED', object: { a: '\u00e4' } }, { type: 'BOOKMARK' }])
  })

  it('F10 ends a watch on which no byte arrives, and keeps one on which bytes arrive', async () => {
    let write: (n: number) => void = () => undefined
    handler = (_request, response) => {
      write = (n) => void response.write(`{"n":${n}}\n`)
      write(0)
    }
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const lines = watch()
      for (let n = 0; n < 4; n++) {
        if (n > 0) write(n)
        expect((await lines.next()).value).to.deep.equal({ n })
        mock.timers.tick(apiTimeouts.silenceMs - 1)
      }
      const silent = failure(lines.next())
      mock.timers.tick(1)
      expect(await silent).to.include({ code: 'WATCH_SILENT' })
    } finally {
      mock.timers.reset()
    }
  })

  it('lets a Lease through while all other sockets hang', async () => {
    connection.stop()
    connection = connect({ connectMs: 20_000, requestMs: 20_000, leaseMs: 20_000, pageMs: 20_000, silenceMs: 20_000 })
    const held: ServerResponse[] = []
    handler = (request, response) => {
      if (request.url?.includes('leases')) response.end('{"lease":true}')
      else held.push(response)
    }
    const hanging = Array.from({ length: 40 }, post)
    expect(await connection.call({ method: 'GET', path: '/leases', lane: 'lease' })).to.deep.equal({ lease: true })
    expect(held.length).to.be.lessThan(hanging.length)
    handler = (_request, response) => response.end('{}')
    for (const response of held) response.end('{}')
    await Promise.all(hanging)
  })
})
