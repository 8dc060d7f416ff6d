import { listenOnLoopback } from '@nauthera/harness/listen'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'chai'
import express, { text } from 'express'
import type { ErrorRequestHandler } from 'express'
import { inboundLimits } from '../../../src/http/request/timeouts.ts'

/** A tenth of the real limits, which are 10 s and 15 s: a caller that means well must not need that long because this process is busy. */
const factor = 10
const scaled = {
  ...inboundLimits,
  headersTimeout: inboundLimits.headersTimeout / factor,
  requestTimeout: inboundLimits.requestTimeout / factor,
  connectionsCheckingInterval: inboundLimits.connectionsCheckingInterval / 50,
}

describe('inboundLimits', () => {
  const app = express()
  app.use(text({ type: '*/*' }), (_request, response) => void response.send('answered'))
  const quiet: ErrorRequestHandler = (_error, _request, response, _next) => void response.end()
  app.use(quiet)
  const server = createServer(scaled, app)
  let port = 0
  before(async () => {
    port = await listenOnLoopback(server)
  })
  after(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const begin = (bytes: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
      let answer = ''
      socket.setTimeout(30_000, () => socket.destroy(new Error('never cut')))
      socket.on('data', (part) => (answer += part.toString()))
      socket.on('error', reject)
      socket.on('close', () => resolve(answer))
    })

  it('F24 a thousand callers that are slow, idle or break off are gone in time, and others are answered as before', async () => {
    /** @returns what the processor works until the answer is there, milliseconds: that other programs have it meanwhile is no matter */
    const answered = async (): Promise<number> => {
      const from = process.cpuUsage()
      expect(await begin('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).to.match(/^HTTP\/1.1 200 /)
      const { user, system } = process.cpuUsage(from)
      return (user + system) / 1000
    }
    const open = (bytes: string, isEnded = false) =>
      new Promise<{ readonly gone: Promise<void> }>((resolve) => {
        const socket = connect(port, '127.0.0.1')
        const gone = new Promise<void>((end) => socket.once('close', () => end()))
        socket.on('error', () => undefined).resume()
        socket.once('connect', () => {
          if (bytes !== '') socket.write(bytes)
          if (isEnded) socket.resetAndDestroy()
          resolve({ gone })
        })
      })
    const kinds: [bytes: string, isEnded: boolean][] = [
      ['', false],
      ['GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ', false],
      ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf', false],
      ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf', true],
      ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', true],
    ]
    const times: number[] = []
    const all: Awaited<ReturnType<typeof open>>[] = []
    // no more at once than the system lets wait for one listener
    while (all.length < 1_000) {
      const batch = Promise.all(Array.from({ length: 100 }, (_, n) => open(...kinds[n % kinds.length]!)))
      times.push(await answered())
      all.push(...(await batch))
    }
    // those that were never told anything by their caller end with the time for headers
    await Promise.all(all.map(({ gone }) => gone))
    const left = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
    expect(left).to.be.below(10)
    expect(Math.max(...times, await answered())).to.be.below(1_000)
  })

  const slow: [string, string][] = [
    ['its first line', 'GET / HT'],
    ['its headers', 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: '],
    ['its body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf'],
  ]
  for (const [what, bytes] of slow) {
    it(`E4 cuts off a caller that never ends ${what}, with 408, and answers others meanwhile`, async () => {
      const cut = begin(bytes)
      expect(await begin('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).to.match(/^HTTP\/1.1 200 /)
      expect(await cut).to.match(/^HTTP\/1.1 408 /)
    })
  }
})
