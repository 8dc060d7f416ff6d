import { expect } from 'chai'
import { createMetrics, mostSeries } from '@nauthera/runtime/metrics'
import type { MetricDefinition } from '@nauthera/runtime/metrics'
import { metricsByProcess } from '../../scripts/metrics-page.ts'

/** Records something about each of 10,000 clients: every label gets values of its own for each. */
async function renderAfterClients(definition: MetricDefinition): Promise<string> {
  const metrics = createMetrics('test')
  const labels = Object.keys(definition.labels ?? {})
  const record = recorder(metrics, definition)
  for (let client = 0; client < 10_000; client++)
    record(Object.fromEntries(labels.map((label, at) => [label, `${label} ${client % (10_000 - at)}`])))
  return metrics.render()
}

function recorder(metrics: ReturnType<typeof createMetrics>, definition: MetricDefinition) {
  const hasLabels = Object.keys(definition.labels ?? {}).length > 0
  const call = (record: (...given: never[]) => void) => (values: object) =>
    (record as (...given: unknown[]) => void)(...(hasLabels ? [values] : []), 1)
  switch (definition.type) {
    case 'counter':
      return call(metrics.counter(definition as MetricDefinition<'counter'>).inc)
    case 'gauge':
      return call(metrics.gauge(definition as MetricDefinition<'gauge'>).set)
    default:
      return call(metrics.histogram(definition as MetricDefinition<'histogram'>).observe)
  }
}

describe('metrics', () => {
  for (const [process, definitions] of Object.entries(metricsByProcess)) {
    it(`of ${process === 'every process' ? process : `the ${process}`} have few series with 10,000 clients`, async () => {
      let total = 0
      for (const definition of definitions) {
        const text = await renderAfterClients(definition)
        const series = text.match(new RegExp(`^${definition.name}(_bucket|_sum|_count)?\\{.*$`, 'gm')) ?? []
        expect(series.length, definition.name).to.be.within(1, mostSeries(definition))
        expect(mostSeries(definition), definition.name).to.be.at.most(5_000)
        total += mostSeries(definition)
      }
      expect(total).to.be.at.most(10_000)
    })

    it(`of ${process === 'every process' ? process : `the ${process}`} are named by what they are and say what they tell`, () => {
      const names = definitions.map(({ name }) => name)
      expect(new Set(names).size).to.equal(names.length)
      for (const { name, type, help, labels = {} } of definitions) {
        expect(name).to.match(/^nauthera_[a-z_]+$/)
        expect(name.endsWith('_total'), name).to.equal(type === 'counter')
        expect(help, name).to.match(/^[A-Z0-9].*\.$/)
        for (const label of ['client', 'namespace', 'user', 'secret']) expect(labels, name).not.to.have.property(label)
      }
    })
  }
})
