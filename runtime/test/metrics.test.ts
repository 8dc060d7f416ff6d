import { expect } from 'chai'
import { createMetrics, defineCounter, defineGauge, defineHistogram, mostSeries } from '../src/metrics.ts'

describe('createMetrics', () => {
  it('renders each kind of metric with its labels and the name of the process', async () => {
    const metrics = createMetrics('server')
    metrics.counter(defineCounter('nauthera_tokens_total', 'Tokens.', { grant: ['code'] })).inc({ grant: 'code' })
    metrics.gauge(defineGauge('nauthera_clients', 'Clients.')).set(7)
    metrics.histogram(defineHistogram('nauthera_login_seconds', 'Sign-ins.', {}, [0.1, 1])).observe(0.5)
    const text = await metrics.render()
    expect(text).to.include('nauthera_tokens_total{grant="code",process="server"} 1')
    expect(text).to.include('nauthera_clients{process="server"} 7')
    expect(text).to.include('nauthera_login_seconds_bucket{le="0.1",process="server"} 0')
    expect(text).to.include('nauthera_login_seconds_bucket{le="1",process="server"} 1')
  })

  it('keeps the metrics of two processes in one test apart', async () => {
    const [one, other] = [createMetrics('one'), createMetrics('other')]
    one.counter(defineCounter('nauthera_seen_total', 'Seen.')).inc()
    expect(await other.render()).to.not.include('nauthera_seen_total')
  })

  it('sets gauges to what is true when they are rendered', async () => {
    const metrics = createMetrics('server')
    const gauge = metrics.gauge(defineGauge('nauthera_waiting', 'Waiting.'))
    let waiting = 1
    metrics.onRender(() => gauge.set(waiting))
    await metrics.render()
    waiting = 2
    expect(await metrics.render()).to.include('nauthera_waiting{process="server"} 2')
  })

  it('counts a value that its definition does not foresee as other, so that nobody can make series', async () => {
    const metrics = createMetrics('server')
    const definition = defineCounter('nauthera_asked_total', 'Asked.', {
      who: { of: 'name', most: 3 },
      how: ['by', 'at'],
    })
    const counter = metrics.counter(definition)
    for (let index = 0; index < 10_000; index++) counter.inc({ who: `client ${index}`, how: `${index}` as 'by' })
    const lines = (await metrics.render()).match(/^nauthera_asked_total\{.*$/gm) ?? []
    expect(lines).to.have.length(4).and.include('nauthera_asked_total{who="other",how="other",process="server"} 9997')
    expect(mostSeries(definition)).to.equal(12)
  })
})
