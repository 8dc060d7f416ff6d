import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

/** The metrics of one process. Each name begins with `nauthera_`; labels have few values, never a person or a token. */
export interface Metrics {
  counter<Label extends string>(name: string, help: string, labels?: readonly Label[]): Counter<Label>
  gauge<Label extends string>(name: string, help: string, labels?: readonly Label[]): Gauge<Label>
  /** @param buckets upper bounds in the unit that the name says */
  histogram<Label extends string>(
    name: string,
    help: string,
    labels?: readonly Label[],
    buckets?: readonly number[],
  ): Histogram<Label>
  /** @returns the text of /metrics */
  render(): Promise<string>
  readonly contentType: string
}

/** @param processName the value of the label `process` on every metric */
export function createMetrics(processName: string): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ process: processName })
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: labels, registers }),
    gauge: (name, help, labels = []) => new Gauge({ name, help, labelNames: labels, registers }),
    histogram: (name, help, labels = [], buckets) =>
      new Histogram({ name, help, labelNames: labels, registers, ...(buckets ? { buckets: [...buckets] } : {}) }),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
