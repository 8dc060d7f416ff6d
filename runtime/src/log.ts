import { pino } from 'pino'
import { fieldsOf } from './json.ts'
import { showHiddenCharacters } from './hidden-characters.ts'
import { spanRecorder } from './traces.ts'

/** Characters of a text from outside, such as a redirect URI, in a line of the log. */
const longestForeign = 200

/** A text that somebody outside chose, cut for the log. */
export function foreign(text: string): string {
  return cut(text, longestForeign)
}

/** An address that somebody outside chose, cut for the log. */
export const foreignUri = (uri: string): string => foreign(placeOf(uri))

/** @returns an address without its query, fragment and user: these may hold a code, a token or data of a person */
export function placeOf(uri: string): string {
  if (!URL.canParse(uri)) return uri.split(/[?#]/, 1)[0]!
  const { protocol, host, pathname } = new URL(uri)
  return host === '' ? `${protocol}${pathname}` : `${protocol}//${host}${pathname}`
}

/** The most characters of an error in a log line. */
const longestError = 1000

const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}…`

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Readonly<Record<string, unknown>>

/** Writes log lines of a constant message and fields. Values are in fields, never in the message. */
export interface Log {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
  /** As `info`, but the line may be buffered: it is written within `mostLate`, and before any later line. */
  later(fields: Fields, message: string): void
  /** A log whose every line carries the fields. */
  child(fields: Fields): Log
}

/** Where lines go. `write` must not block. */
export interface LogSink {
  write(line: string): void
}

const levelNames: Readonly<Record<number, string>> = { 20: 'DBG', 30: 'INF', 40: 'WRN', 50: 'ERR' }
const hidden = new Set(['level', 'time', 'msg', 'process'])

/** A log that can wait until what it has buffered is written. */
export interface ProcessLog extends Log {
  /** @returns true once every line is written; false after a second when nobody reads them */
  flush(): Promise<boolean>
  /** How many lines were dropped because nobody read the output. */
  dropped(): number
}

// With minLength 0, flush() returns before a line is written, and later lines overtake that line.
const bufferedOutput = { dest: 1, sync: false, minLength: 1, maxLength: 4 * 1024 * 1024 }

/** How long a line may be buffered, milliseconds. A killed process loses no more than this. */
const mostLate = 100
/** The size of the buffer, characters. */
const mostWaiting = 64 * 1024

/** Writes lines that may wait together, so that many of them cost one write. Their order stays. */
class PatientSink implements LogSink {
  readonly #sink: LogSink
  #waiting = ''
  #timer: NodeJS.Timeout | undefined
  /** Whether the line that is written next may wait. */
  mayWait = false

  constructor(sink: LogSink) {
    this.#sink = sink
  }

  write(line: string): void {
    this.#waiting += line
    if (!this.mayWait || this.#waiting.length > mostWaiting) return this.pour()
    this.#timer ??= setTimeout(() => this.pour(), mostLate / 2)
  }

  pour(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#waiting
    this.#waiting = ''
    if (lines !== '') this.#sink.write(lines)
  }
}

/** @param options.sink default: standard output, buffered; when nobody reads it, lines are dropped and counted
 *  @param options.traced whether lines name the span in which they are written */
export function createLog(options: {
  process: string
  level: LogLevel
  format: 'json' | 'pretty'
  sink?: LogSink
  traced?: boolean
}): ProcessLog {
  let dropped = 0
  const buffered = options.sink ? undefined : pino.destination(bufferedOutput)
  // pino would flush at exit and could wait for ever for a reader or for disk space, so that a failed process never restarts. flush() runs
  // before every exit and waits one second at most
  if (buffered) buffered.flushSync = () => undefined
  buffered?.on('drop', (lines: string) => (dropped += lines.split('\n').length - 1))
  buffered?.on('error', () => dropped++)
  const patient = buffered && new PatientSink(buffered)
  const sink: LogSink = options.sink ?? patient!
  const target: LogSink = options.format === 'json' ? sink : { write: (line) => sink.write(prettyLine(line)) }
  const log = pino(
    {
      level: options.level,
      base: { process: options.process },
      ...(options.traced ? { mixin: activeSpan } : {}),
      timestamp: createTimestamps(),
      serializers: { error: (error: unknown) => cut(describeError(error), longestError) },
    },
    target,
  )
  return Object.assign(log, {
    later(this: Log, fields: Fields, message: string) {
      if (patient === undefined) return this.info(fields, message)
      patient.mayWait = true
      try {
        this.info(fields, message)
      } finally {
        patient.mayWait = false
      }
    },
    flush: () =>
      new Promise<boolean>((resolve) => {
        if (!buffered) return resolve(true)
        patient?.pour()
        const overdue = setTimeout(resolve, 1000, false)
        buffered.flush(() => {
          clearTimeout(overdue)
          resolve(true)
        })
      }),
    dropped: () => dropped,
  })
}

/** The member `time` of a line, as pino's isoTime writes it; what the lines of a second share is written once. */
function createTimestamps(): () => string {
  let second = Number.NaN
  let text = ''
  return () => {
    const now = Date.now()
    const milliseconds = now % 1000
    if (now - milliseconds !== second) {
      second = now - milliseconds
      text = new Date(second).toISOString().slice(0, -'000Z'.length)
    }
    return `,"time":"${text}${String(milliseconds).padStart(3, '0')}Z"`
  }
}

/** What a line names of the span in which it is written. */
function activeSpan(): object {
  const active = spanRecorder()?.active()
  // a new object each time: the logger writes into it
  return active === undefined ? {} : { trace_id: active.traceId, span_id: active.spanId }
}

/** @returns the error as one text: code or class, message, causes; never a stack with values of variables. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : ` <- ${describeError(error.cause)}`
  return `${error.message === '' ? error.name : error.message}${cause}`
}

/** JSON line -> `INF live       change=c7f2 shard=7`. */
function prettyLine(line: string): string {
  const record = fieldsOf(JSON.parse(line))
  const fields = Object.entries(record)
    .filter(([key, value]) => !hidden.has(key) && value !== undefined)
    .map(([key, value]) => `${key}=${prettyValue(value)}`)
  const message = typeof record['msg'] === 'string' ? record['msg'] : ''
  return `${levelNames[Number(record['level'])] ?? '???'} ${message.padEnd(10)} ${fields.join(' ')}`.trimEnd() + '\n'
}

function prettyValue(value: unknown): string {
  const text = typeof value === 'string' && /^[^\s"]*$/.test(value) ? value : (JSON.stringify(value) ?? '')
  // control characters would reach the terminal
  return showHiddenCharacters(text, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`)
}
