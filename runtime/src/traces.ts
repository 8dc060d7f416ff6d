// Spans of traces (OpenTelemetry). While traces are off, work runs as it is and no library is loaded; export-traces.ts turns them on.

/** Attributes of a span, by the names of OpenTelemetry's semantic conventions where they have one. Nothing secret, nothing of a person. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

/** Names one span: 32 and 16 hex digits. */
export interface SpanIds {
  readonly traceId: string
  readonly spanId: string
}

/** A span whose end somebody else sees. */
export interface OpenSpan {
  readonly ids: SpanIds
  /** Runs work inside the span: spans that begin in it are its children, and log lines name it. */
  run<T>(work: () => T): T
  end(attributes: SpanAttributes, outcome: 'ok' | 'failed'): void
}

/** A span that is over. */
export interface PastSpan {
  readonly name: string
  /** The trace, and the span's own id where others name it as their parent before it is recorded. */
  readonly traceId: string
  readonly spanId?: string
  readonly parentId?: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly endedAt: number
  readonly attributes: SpanAttributes
}

export interface SpanRecorder {
  around<T>(name: string, attributes: SpanAttributes, work: () => Promise<T>): Promise<T>
  /** @param traceparent the header of the request (W3C Trace Context); a damaged one is ignored */
  openRequest(name: string, attributes: SpanAttributes, traceparent: string | undefined): OpenSpan
  record(span: PastSpan): void
  active(): SpanIds | undefined
}

let recorder: SpanRecorder | undefined

/** Turns traces on, or off by undefined. Once a process, before anything else starts. */
export function setSpanRecorder(given: SpanRecorder | undefined): void {
  recorder = given
}

/** What records spans; undefined while traces are off. */
export const spanRecorder = (): SpanRecorder | undefined => recorder

/** Runs work as a span below the one that is active: of a request, as a rule. A failure marks the span. */
export function inSpan<T>(name: string, attributes: SpanAttributes, work: () => Promise<T>): Promise<T> {
  return recorder === undefined ? work() : recorder.around(name, attributes, work)
}

/** The trace of one change of a shard. Operator, agents and servers compute the same from the digest, so nothing has to carry it.
 *  @param digest SHA-256 of the shard's file, 64 hex digits
 *  @returns the trace, and the id of its first span */
export function changeSpan(digest: string): SpanIds {
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) }
}

/** Records what one process did for a change, as a span below the change's own. */
export function recordOfChange(digest: string, name: string, startedAt: number, attributes: SpanAttributes): void {
  if (recorder === undefined) return
  const { traceId, spanId } = changeSpan(digest)
  recorder.record({ name, traceId, parentId: spanId, startedAt, endedAt: Date.now(), attributes })
}
