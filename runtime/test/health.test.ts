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

  it('says which paths there are when another is asked for', async () => {
    expect(await get('/')).to.include({ status: 404, text: 'this port serves only /livez, /readyz and /metrics\n' })
  })
})
