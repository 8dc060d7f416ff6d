import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import { createHealth, serveManagement } from '../src/health.ts'
import { createMetrics } from '../src/metrics.ts'

describe('createHealth', () => {
  it('is ready when every check holds, and names what is missing', () => {
    const health = createHealth()
    let reason: string | undefined = 'not loaded yet'
    health.require('clients', () => reason)
    health.require('database', () => undefined)
    expect(health.missing()).to.deep.equal({ clients: 'not loaded yet' })
    reason = undefined
    expect(health.missing()).to.deep.equal({})
  })

  it('is no longer ready once the process shuts down', () => {
    const health = createHealth()
    health.drain()
    expect(health.missing()).to.deep.equal({ shutdown: 'shutting down' })
  })
})

/** What comes until the connection ends. */
const textOf = (socket: Socket) =>
  new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(text))
  })

describe('serveManagement', () => {
  const health = createHealth()
  let loaded = false
  health.require('clients', () => (loaded ? undefined : 'not loaded yet'))
  let management: Awaited<ReturnType<typeof serveManagement>>
  before(async () => {
    management = await serveManagement({
      listen: { host: '127.0.0.1', port: 0 },
      health,
      metrics: createMetrics('test'),
    })
  })
  after(() => management.stop())

  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${management.port}${path}`)
    return { status: answer.status, text: await answer.text(), headers: answer.headers }
  }

  it('answers /livez whether or not the process is ready', async () => {
    expect((await get('/livez')).status).to.equal(200)
  })

  it('answers /readyz with 503 and the reason, then with 200', async () => {
    expect(await get('/readyz')).to.include({ status: 503, text: 'clients: not loaded yet\n' })
    loaded = true
    expect(await get('/readyz?verbose')).to.include({ status: 200, text: 'ok\n' })
  })

  it('answers /metrics as text for Prometheus, which no cache may keep', async () => {
    const { status, text, headers } = await get('/metrics')
    expect(status).to.equal(200)
    expect(text).to.include('process="test"')
    expect(headers.get('content-type')).to.match(/^text\/plain/)
    expect(headers.get('cache-control')).to.equal('no-store')
  })

  it('E10 makes the metrics once for all who ask at a time, each after it was asked for', async () => {
    const metrics = createMetrics('test')
    let renders = 0
    metrics.onRender(() => void renders++)
    const other = await serveManagement({ listen: { host: '127.0.0.1', port: 0 }, health, metrics })
    const asked = await Promise.all(
      Array.from({ length: 60 }, () => fetch(`http://127.0.0.1:${other.port}/metrics`).then(({ status }) => status)),
    )
    expect(asked).to.deep.equal(Array(60).fill(200))
    expect(renders).to.be.lessThan(60)
    const before = renders
    await (await fetch(`http://127.0.0.1:${other.port}/metrics`)).text()
    expect(renders).to.equal(before + 1)
    await other.stop()
  })

  it('E10 answers one request of a connection, and ends it', async () => {
    const socket = connect(management.port, '127.0.0.1')
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100))
    const answers = (await textOf(socket)).match(/^HTTP\/1\.1 200/gm)
    expect(answers).to.have.length(1)
  })

  it('E10 ends connections that send nothing, or half a request', async () => {
    const other = await serveManagement({
      listen: { host: '127.0.0.1', port: 0 },
      health,
      metrics: createMetrics('test'),
      idleMs: 50,
    })
    for (const text of ['', 'GET /livez HTTP/1.1\r\nHost:']) {
      const socket = connect(other.port, '127.0.0.1')
      socket.write(text)
      expect(await textOf(socket)).not.to.contain('200')
    }
    await other.stop()
  })

  it('E10 one address takes no place of another', async () => {
    const sockets = Array.from({ length: 140 }, () =>
      connect({ port: management.port, host: '127.0.0.1', localAddress: '127.0.0.2' }),
    )
    const closed = sockets.map((socket) => textOf(socket))
    await Promise.any(closed)
    expect((await get('/livez')).status).to.equal(200)
    for (const socket of sockets) socket.destroy()
    await Promise.all(closed)
  })

  it('says which paths there are when another is asked for', async () => {
    expect(await get('/')).to.include({ status: 404, text: 'this port serves only /livez, /readyz and /metrics\n' })
  })
})
