import { expect } from 'chai'
import { createMetrics } from '../src/metrics.ts'

describe('createMetrics', () => {
  it('renders each kind of metric with its labels and the name of the process', async () => {
    const metrics = createMetrics('server')
    metrics.counter('nauthera_tokens_total', 'Tokens.', ['grant']).inc({ grant: 'code' })
    metrics.gauge('nauthera_clients', 'Clients.').set(7)
    metrics.histogram('nauthera_login_seconds', 'Sign-ins.', [], [0.1, 1]).observe(0.5)
    const text = await metrics.render()
    expect(text).to.include('nauthera_tokens_total{grant="code",process="server"} 1')
    expect(text).to.include('nauthera_clients{process="server"} 7')
    expect(text).to.include('nauthera_login_seconds_bucket{le="0.1",process="server"} 0')
    expect(text).to.include('nauthera_login_seconds_bucket{le="1",process="server"} 1')
  })

  it('keeps the metrics of two processes in one test apart', async () => {
    const [one, other] = [createMetrics('one'), createMetrics('other')]
    one.counter('nauthera_seen_total', 'Seen.').inc()
    expect(await other.render()).to.not.include('nauthera_seen_total')
  })
})
