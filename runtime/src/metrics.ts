import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { fieldsOf } from './json.ts'

/** What a label may say: these words, or at most so many values of a kind. Every other value is counted as `other`. */
type LabelValues = readonly string[] | { readonly of: string; readonly most: number }
type LabelSet = Readonly<Record<string, LabelValues>>

/** A metric of a process. Its name begins with `nauthera_` and ends with its unit; a counter's ends with `_total`. */
export interface MetricDefinition<Type extends string = string, Labels extends LabelSet = LabelSet> {
  readonly type: Type
  readonly name: string
  /** What it tells, as a sentence. */
  readonly help: string
  readonly labels?: Labels | undefined
  /** Upper bounds of a histogram, in the unit that the name says. */
  readonly buckets?: readonly number[] | undefined
}

/** Defines a counter. @param labels by name: few values, never a client, a person or a token */
export const defineCounter = <const Labels extends LabelSet = {}>(
  name: string,
  help: string,
  labels?: Labels,
): MetricDefinition<'counter', Labels> => ({ type: 'counter', name, help, labels })

/** Defines a gauge. @param labels as for a counter */
export const defineGauge = <const Labels extends LabelSet = {}>(
  name: string,
  help: string,
  labels?: Labels,
): MetricDefinition<'gauge', Labels> => ({ type: 'gauge', name, help, labels })

const usualBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Defines a histogram. @param labels as for a counter */
export const defineHistogram = <const Labels extends LabelSet = {}>(
  name: string,
  help: string,
  labels?: Labels,
  buckets: readonly number[] = usualBuckets,
): MetricDefinition<'histogram', Labels> => ({ type: 'histogram', name, help, labels, buckets })

/** How many series a metric has at most: three more than its buckets for each histogram. */
export function mostSeries({ labels = {}, buckets }: MetricDefinition): number {
  const values = Object.values(labels).map((each) => ('of' in each ? each.most : each.length) + 1)
  return values.reduce((product, count) => product * count, buckets ? buckets.length + 3 : 1)
}

type Values<Labels extends LabelSet> = {
  readonly [Name in keyof Labels]: Labels[Name] extends readonly string[] ? Labels[Name][number] : string
}
/** The values of the labels, where there are labels. */
type LabelArguments<Labels extends LabelSet> = keyof Labels extends never ? [] : [values: Values<Labels>]

export interface CounterOf<Labels extends LabelSet = {}> {
  inc(...given: [...LabelArguments<Labels>, by?: number]): void
}

export interface GaugeOf<Labels extends LabelSet = {}> {
  set(...given: [...LabelArguments<Labels>, value: number]): void
  inc(...given: [...LabelArguments<Labels>, by?: number]): void
  /** Removes every series. */
  reset(): void
}

export interface HistogramOf<Labels extends LabelSet = {}> {
  observe(...given: [...LabelArguments<Labels>, value: number]): void
}

/** The metrics of one process. */
export interface Metrics {
  counter<Labels extends LabelSet>(definition: MetricDefinition<'counter', Labels>): CounterOf<Labels>
  gauge<Labels extends LabelSet>(definition: MetricDefinition<'gauge', Labels>): GaugeOf<Labels>
  histogram<Labels extends LabelSet>(definition: MetricDefinition<'histogram', Labels>): HistogramOf<Labels>
  /** Called before each rendering, to set gauges to what is true now. */
  onRender(refresh: () => void): void
  /** @returns the text of /metrics */
  render(): Promise<string>
  readonly contentType: string
}

/** What every process tells of itself. */
export const processMetrics = {
  ready: defineGauge('nauthera_ready', 'Whether the process is ready: 1 or 0, as /readyz says.'),
  memoryLimit: defineGauge(
    'nauthera_memory_limit_bytes',
    'The memory that the process may use: its limit now, or that of the node.',
  ),
  certificateExpiry: defineGauge(
    'nauthera_certificate_expiry_timestamp_seconds',
    'When that by which parts of a release trust each other ends. It is a certificate of a server pod, one of the link between operator and agents (at both ends), or the token for a hub.',
    { certificate: ['pod', 'link', 'hub'] },
  ),
}

/** @param processName the value of the label `process` on every metric */
export function createMetrics(processName: string): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ process: processName })
  collectDefaultMetrics({ register: registry })
  const refreshes: (() => void)[] = []
  const of = ({ name, help, labels = {} }: MetricDefinition) => ({
    name,
    help,
    labelNames: Object.keys(labels),
    registers: [registry],
  })
  return {
    counter: (definition) => {
      const counter = new Counter(of(definition))
      // a counter that begins with its first event has no rise that Prometheus could see
      for (const values of foreseen(definition.labels)) counter.inc(values, 0)
      return { inc: withLabels(definition.labels, (labels, by) => counter.inc(labels, by)) }
    },
    gauge: (definition) => {
      const { labels: values } = definition
      const gauge = new Gauge(of(definition))
      return {
        set: withLabels(values, (labels, value = 0) => gauge.set(labels, value)),
        inc: withLabels(values, (labels, by) => gauge.inc(labels, by)),
        reset: () => gauge.reset(),
      }
    },
    histogram: (definition) => {
      const histogram = new Histogram({ ...of(definition), buckets: [...(definition.buckets ?? [])] })
      return { observe: withLabels(definition.labels, (labels, value = 0) => histogram.observe(labels, value)) }
    },
    onRender: (refresh) => void refreshes.push(refresh),
    render: () => {
      for (const refresh of refreshes) refresh()
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}

/** Calls with the labels and the number of what is given; a value of a label that is not foreseen is `other` there. */
function withLabels(
  labels: LabelSet = {},
  call: (labels: Record<string, string>, value: number | undefined) => void,
): (...given: readonly unknown[]) => void {
  const bounds = Object.entries(labels).map(([name, values]) => [name, boundOf(values)] as const)
  if (bounds.length === 0) return (...given) => call({}, numberOf(given[0]))
  return (...given) => {
    const values = fieldsOf(given[0])
    const bounded: Record<string, string> = {}
    for (const [name, bound] of bounds) {
      const word = values[name]
      bounded[name] = bound(typeof word === 'string' ? word : '')
    }
    call(bounded, numberOf(given[1]))
  }
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

/** @returns every combination of values; none where a label has values that are not known yet */
function foreseen(labels: LabelSet = {}): readonly Record<string, string>[] {
  let all: readonly Record<string, string>[] = [{}]
  for (const [name, values] of Object.entries(labels))
    all = 'of' in values ? [] : all.flatMap((each) => values.map((value) => ({ ...each, [name]: value })))
  return all
}

function boundOf(values: LabelValues): (value: string) => string {
  const known = new Set<string>('of' in values ? [] : values)
  const most = 'of' in values ? values.most : known.size
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= most) return 'other'
    known.add(value)
    return value
  }
}
