import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express, { text } from 'express'
import type { ErrorRequestHandler } from 'express'
import { inboundLimits } from '../../src/http/timeouts.ts'

/** A fiftieth of the real limits, which are 10 s and 15 s. */
const factor = 50
const scaled = {
  ...inboundLimits,
  headersTimeout: inboundLimits.headersTimeout / factor,
  requestTimeout: inboundLimits.requestTimeout / factor,
  connectionsCheckingInterval: inboundLimits.connectionsCheckingInterval / factor,
}

describe('inboundLimits', () => {
  const app = express()
  app.use(text({ type: '*/*' }), (_request, response) => void response.send('answered'))
  const quiet: ErrorRequestHandler = (_error, _request, response, _next) => void response.end()
  app.use(quiet)
  const server = createServer(scaled, app)
  let port = 0
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
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
      socket.setTimeout(4000, () => socket.destroy(new Error('never cut')))
      socket.on('data', (part) => (answer += part.toString()))
      socket.on('error', reject)
      socket.on('close', () => resolve(answer))
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
