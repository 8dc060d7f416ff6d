// Sends spans to an OpenTelemetry collector. Loaded only where the settings name one: the libraries cost memory and start-up time.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, context, trace } from '@opentelemetry/api'
import type { Context, Span } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { parseTraceParent, setGlobalErrorHandler } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { IdGenerator } from '@opentelemetry/sdk-trace'
import { hasCode } from './coded-error.ts'
import type { Log } from './log.ts'
import { setSpanRecorder } from './traces.ts'
import type { PastSpan, SpanIds, SpanRecorder } from './traces.ts'

/** How often a log line says that spans cannot be sent. Milliseconds. */
const reportEveryMs = 60_000
/** How often spans are sent. Milliseconds. */
const sendEveryMs = 1_000
/** How long the end of the process waits for the last spans. Milliseconds. */
const lastSpansMs = 2_000

/** Begins to record spans and to send them by OTLP over HTTP. A collector that is away costs spans, never work: the queue is bounded.
 *  @param options.endpoint address of the collector; `/v1/traces` is added to it
 *  @param options.sampleRatio the share of traces that begin here and are sent, 0 to 1
 *  @returns sends what waits, for two seconds at most, and stops */
export function startTraces(options: {
  process: string
  version: string
  endpoint: string
  sampleRatio: number
  log: Pick<Log, 'warn'>
}): () => Promise<void> {
  reportFaults(options.log)
  const ids = new GivenIds()
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': `nauthera-${options.process}`,
      'service.namespace': 'nauthera',
      'service.version': options.version,
      'service.instance.id': process.env['HOSTNAME'] ?? String(process.pid),
    }),
    // a stranger's request may name a trace: it is sampled as one of ours, whatever its flag says
    sampler: new ParentBasedSampler({
      root: new TraceIdRatioBasedSampler(options.sampleRatio),
      remoteParentSampled: new TraceIdRatioBasedSampler(options.sampleRatio),
    }),
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({
        scheduledDelayMillis: sendEveryMs,
        exporter: new OTLPTraceExporter({ url: `${options.endpoint.replace(/\/$/, '')}/v1/traces` }),
      }),
    ],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  setSpanRecorder(createRecorder(provider, ids))
  return async () => {
    setSpanRecorder(undefined)
    await Promise.race([provider.shutdown(), new Promise((resolve) => setTimeout(resolve, lastSpansMs).unref())])
  }
}

function reportFaults(log: Pick<Log, 'warn'>): void {
  let quietUntil = -Infinity
  setGlobalErrorHandler((error) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + reportEveryMs
    log.warn({ error }, 'traces cannot be sent')
  })
}

/** Random ids, or the ones that a change of a shard has. */
class GivenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator()
  #given: SpanIds | undefined

  generateTraceId(): string {
    return this.#given?.traceId ?? this.#random.generateTraceId()
  }

  generateSpanId(): string {
    return this.#given?.spanId ?? this.#random.generateSpanId()
  }

  during<T>(given: SpanIds, work: () => T): T {
    this.#given = given
    try {
      return work()
    } finally {
      this.#given = undefined
    }
  }
}

function createRecorder(provider: TracerProvider, ids: GivenIds): SpanRecorder {
  const tracer = provider.getTracer('nauthera')
  const startPast = ({ name, traceId, spanId, parentId, startedAt, attributes }: PastSpan): Span => {
    const options = { startTime: startedAt, attributes: { ...attributes } }
    if (parentId !== undefined) return tracer.startSpan(name, options, below({ traceId, spanId: parentId }))
    const root = { ...options, root: true }
    return spanId === undefined
      ? tracer.startSpan(name, root)
      : ids.during({ traceId, spanId }, () => tracer.startSpan(name, root))
  }
  return {
    around: (name, attributes, work) =>
      tracer.startActiveSpan(name, { kind: SpanKind.CLIENT, attributes: { ...attributes } }, async (span) => {
        try {
          return await work()
        } catch (error) {
          markFailed(span, error)
          throw error
        } finally {
          span.end()
        }
      }),
    openRequest: (name, attributes, traceparent) => {
      const parent = traceparent === undefined ? undefined : parseTraceParent(traceparent)
      const from = parent ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }) : ROOT_CONTEXT
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes: { ...attributes } }, from)
      const inside = trace.setSpan(from, span)
      return {
        ids: span.spanContext(),
        run: (work) => context.with(inside, work),
        end: (more, outcome) => {
          span.setAttributes({ ...more })
          if (outcome === 'failed') span.setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        },
      }
    },
    record: (past) => startPast(past).end(past.endedAt),
    active: () => trace.getActiveSpan()?.spanContext(),
  }
}

const below = (parent: SpanIds): Context =>
  trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED, isRemote: true })

/** The class or code of the error alone: its message may hold what a person typed. */
function markFailed(span: Span, error: unknown): void {
  span.setAttribute('error.type', hasCode(error) ? error.code : error instanceof Error ? error.name : 'unknown')
  span.setStatus({ code: SpanStatusCode.ERROR })
}
