import { createMetrics } from '@nauthera/runtime/metrics'
import { expect } from 'chai'
import { createUntrustedHeaders } from '../../../src/http/edge/untrusted-headers.ts'
import { serverMetrics } from '../../../src/metrics.ts'
import { keepLog } from '../harness.ts'

function create(isExpected = false) {
  const log = keepLog()
  const metrics = createMetrics('test')
  let now = 0
  const see = createUntrustedHeaders({ log, metrics, isExpected, now: () => now })
  const counted = async () =>
    Number(new RegExp(`^${serverMetrics.untrusted.name}{[^}]*} (\\d+)`, 'm').exec(await metrics.render())?.[1] ?? 0)
  return { log, see, counted, wait: (milliseconds: number) => (now += milliseconds) }
}

describe('createUntrustedHeaders', () => {
  it('counts each request with such a header, and says so once a minute', async () => {
    const { log, see, counted, wait } = create()
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip']) see({ [name]: '203.0.113.9' }, '10.0.0.1')
    expect(await counted()).to.equal(3)
    expect(log.lines).to.have.length(1)
    expect(log.lines[0]!.fields).to.deep.equal({ address: '10.0.0.1', requests: 1 })
    wait(60_000)
    see({ 'x-forwarded-for': '203.0.113.9' }, '10.0.0.1')
    expect(log.lines).to.have.length(2)
    expect(log.lines[1]!.fields).to.deep.equal({ address: '10.0.0.1', requests: 3 })
  })

  it('says and counts nothing of a request without such a header', async () => {
    const { log, see, counted } = create()
    see({ host: 'login.example.com' }, '10.0.0.1')
    expect(await counted()).to.equal(0)
    expect(log.lines).to.deep.equal([])
  })

  it('only counts them where an unknown proxy is expected', async () => {
    const { log, see, counted } = create(true)
    see({ 'x-forwarded-for': '203.0.113.9' }, '10.0.0.1')
    expect(await counted()).to.equal(1)
    expect(log.lines).to.deep.equal([])
  })
})
