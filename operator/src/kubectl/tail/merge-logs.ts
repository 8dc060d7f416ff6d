// Merges the log lines of operator, agents and servers: by time, with the change that they are about.
import { showHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { isJsonRecord, parseJsonRecord } from '@nauthera/runtime/json'

interface LogLine {
  /** Epoch milliseconds. */
  readonly at: number
  readonly pod: string
  /** operator, config-agent or server. */
  readonly process: string
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Of one client: what cannot be told yet from what is about others. */
const mostWaiting = 1_000
const mostChanges = 500

const levels: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR' }
const hidden = ['level', 'time', 'msg', 'process', 'change', 'client']

/** Lines of one client are those that name it, and those of the changes that a line about it names: a shard is written before an agent says
 *  whose change it was. */
export class LogMerge {
  readonly #client: string | undefined
  readonly #isColoured: boolean
  /** Read, and not yet printed. */
  #ready: LogLine[] = []
  /** Of changes that may turn out to be about the client. */
  #waiting: LogLine[] = []
  readonly #changes = new Set<string>()

  /** @param options.client `namespace/name`; undefined for all */
  constructor(options: { readonly client: string | undefined; readonly isColoured: boolean }) {
    this.#client = options.client
    this.#isColoured = options.isColoured
  }

  /** @param line as `kubectl logs --prefix --timestamps` prints it */
  push(line: string): void {
    const read = parseLine(line)
    if (read === undefined) return
    const { change, client } = read.fields
    if (this.#client === undefined) return void this.#ready.push(read)
    if (client === this.#client) {
      this.#ready.push(read)
      if (typeof change === 'string') this.#found(change)
    } else if (client === undefined && typeof change === 'string') {
      if (this.#changes.has(change)) this.#ready.push(read)
      else this.#waiting = [...this.#waiting, read].slice(-mostWaiting)
    }
  }

  #found(change: string): void {
    this.#changes.add(change)
    const [oldest] = this.#changes
    if (this.#changes.size > mostChanges) this.#changes.delete(oldest!)
    this.#ready.push(...this.#waiting.filter(({ fields }) => fields['change'] === change))
    this.#waiting = this.#waiting.filter(({ fields }) => fields['change'] !== change)
  }

  /** @param until only earlier lines; epoch milliseconds. Lines of several pods do not come in their order
   *  @returns what is to be printed */
  flush(until = Infinity): string {
    const due = this.#ready.filter(({ at }) => at < until).toSorted((one, other) => one.at - other.at)
    this.#ready = this.#ready.filter(({ at }) => at >= until)
    return due.map((line) => `${textOf(line, this.#isColoured)}\n`).join('')
  }
}

function parseLine(line: string): LogLine | undefined {
  const match = /^\[pod\/([^/]+)\/([^\]]+)\] (\S+) (.*)$/.exec(line)
  if (!match) return undefined
  const [, pod = '', container = '', time = '', text = ''] = match
  const record = parseJsonRecord(text)
  const about = { at: Date.parse(time), pod, process: container }
  if (record === undefined) return { ...about, level: 'info', message: text, fields: prettyFields(text) }
  return {
    ...about,
    level: levels[Number(record['level'])] ?? 'info',
    message: typeof record['msg'] === 'string' ? record['msg'] : '',
    fields: record,
  }
}

/** The format `pretty` has `key=value`. */
const prettyFields = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...text.matchAll(/\b(change|client)=(\S+)/g)].map(([, key, value]) => [key!, value!]))

function textOf({ at, pod, process, level, message, fields }: LogLine, isColoured: boolean): string {
  const { change, client } = fields
  const id = typeof change === 'string' ? change : ''
  const rest = Object.entries(fields)
    .filter(([name, value]) => !hidden.includes(name) && value !== undefined && 'msg' in fields)
    .map(
      ([name, value]) =>
        `${name}=${isJsonRecord(value) || Array.isArray(value) ? JSON.stringify(value) : String(value)}`,
    )
  const words = [
    new Date(at).toISOString().slice(11, 23),
    process.padEnd(12),
    id.padEnd(4),
    ...(level === 'info' || level === 'debug' ? [] : [level]),
    message,
    ...(typeof client === 'string' && 'msg' in fields ? [client] : []),
    ...rest,
    `(${pod})`,
  ]
  // a value may hold a line break of a stranger's, and then what looks like a line of ours
  const line = showHiddenCharacters(words.join(' '), (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`)
  return isColoured ? coloured(line, id, level) : line
}

/** A colour for each change; faults are red. */
function coloured(line: string, change: string, level: string): string {
  const code =
    level === 'ERROR' || level === 'WARN' ? 31 : change === '' ? 0 : 32 + (Number.parseInt(change, 16) % 5 || 0)
  return code === 0 ? line : `\u001b[${code}m${line}\u001b[0m`
}
