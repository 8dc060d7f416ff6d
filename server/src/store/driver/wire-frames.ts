// Cuts what PostgreSQL sends into whole messages, and lets only those through that answer what we ask. The driver's own reader goes on
// for ever after an error without an end, keeps what does not end, and throws at what it cannot read.

/** What came is no answer of PostgreSQL: the connection ends. */
export class WireFault extends Error {}

/** Bytes. */
const most = {
  /** Of one message: a row. */
  message: 2 * 2 ** 20,
  /** Until the connection is ready: its parameters. */
  start: 64 * 1024,
  /** What an answer takes in memory, by a guess: see `costOf`. */
  answer: 32 * 2 ** 20,
  /** From here on the guess counts the parts of values too. */
  unread: 2 ** 20,
} as const
/** To sign in takes four at most. Each may be much work. */
const mostSignInMessages = 6
/** One ends a statement, another one the connection. Each takes the time of a stack trace. */
const mostErrors = 4
/** As PostgreSQL gives. */
const mostColumns = 1664

const typeOf = (letter: string): number => letter.charCodeAt(0)
const types = {
  authentication: typeOf('R'),
  parameter: typeOf('S'),
  key: typeOf('K'),
  ready: typeOf('Z'),
  error: typeOf('E'),
  notice: typeOf('N'),
  notification: typeOf('A'),
  parsed: typeOf('1'),
  bound: typeOf('2'),
  noColumns: typeOf('n'),
  parameters: typeOf('t'),
  columns: typeOf('T'),
  row: typeOf('D'),
  complete: typeOf('C'),
  empty: typeOf('I'),
  copyIn: typeOf('G'),
  copyOut: typeOf('H'),
  copied: typeOf('d'),
  copyEnd: typeOf('c'),
} as const

const startTypes: ReadonlySet<number> = new Set([
  types.authentication,
  types.parameter,
  types.key,
  types.ready,
  types.error,
  types.notice,
])

const headLength = 5

export class WireFrames {
  /** The message that has begun: first its head, then room for all of it. */
  #kept = Buffer.alloc(headLength)
  #filled = 0
  #isStarting = true
  #isRefused = false
  #signInMessages = 0
  #startBytes = 0
  #errors = 0
  #cost = 0
  #rowBytes = 0
  /** How many columns the rows of this answer have, where it says so. */
  #columns: number | undefined
  #hasCopiedIn = false

  /** Whether it let nobody in: then nothing follows. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  /** Something was asked: an answer begins. */
  beginAnswer(): void {
    this.#errors = 0
    this.#cost = 0
    this.#rowBytes = 0
  }

  /** @returns the messages that are whole now, each when the one before was handled
   *  @throws WireFault for one that answers nothing of ours */
  *take(chunk: Buffer): Generator<Buffer> {
    let at = 0
    if (this.#filled > 0) {
      at = this.#keep(chunk, 0)
      const kept = this.#takeKept()
      if (kept !== undefined) yield kept
    }
    while (this.#filled === 0 && at < chunk.length) {
      const end = chunk.length - at < headLength ? Infinity : at + this.#lengthOf(chunk, at)
      if (end <= chunk.length) {
        const message = chunk.subarray(at, end)
        this.#check(message)
        at = end
        yield message
      } else at = this.#keep(chunk, at)
    }
  }

  /** @returns where the rest of the chunk begins */
  #keep(chunk: Buffer, at: number): number {
    const fill = () => {
      const copied = chunk.copy(this.#kept, this.#filled, at)
      this.#filled += copied
      at += copied
    }
    if (this.#filled < headLength) {
      fill()
      if (this.#filled < headLength) return at
      const message = Buffer.alloc(this.#lengthOf(this.#kept, 0))
      this.#kept.copy(message)
      this.#kept = message
    }
    fill()
    return at
  }

  #takeKept(): Buffer | undefined {
    if (this.#filled < headLength || this.#filled < this.#kept.length) return undefined
    const message = this.#kept
    this.#kept = Buffer.alloc(headLength)
    this.#filled = 0
    this.#check(message)
    return message
  }

  /** @returns of a message whose head is there, its type included */
  #lengthOf(bytes: Buffer, at: number): number {
    const length = 1 + bytes.readUInt32BE(at + 1)
    if (length < headLength || length > most.message)
      throw new WireFault('a message of PostgreSQL is too long, or says no length')
    return length
  }

  #check(message: Buffer): void {
    if (this.#isStarting) this.#startBytes += message.length
    if (this.#startBytes > most.start) throw new WireFault('PostgreSQL says too much before it is ready')
    const type = message[0]!
    if (this.#isStarting && !startTypes.has(type)) throw new WireFault('PostgreSQL answers before it is ready')
    if (!new Body(message).isOf(type)) throw new WireFault(`a message of PostgreSQL is malformed (type ${type})`)
    if (this.#isTooMany(type, message)) throw new WireFault(`PostgreSQL says what nobody asked for (type ${type})`)
    if (this.#cost > most.answer) throw new WireFault('the answer of PostgreSQL does not end')
  }

  #isTooMany(type: number, message: Buffer): boolean {
    switch (type) {
      case types.authentication:
        return !this.#isStarting || ++this.#signInMessages > mostSignInMessages
      case types.ready:
        this.#isStarting = false
        this.#hasCopiedIn = false
        this.#columns = undefined
        return false
      case types.error:
        this.#isRefused = this.#isStarting
        return ++this.#errors > mostErrors
      case types.copyIn: {
        const again = this.#hasCopiedIn
        this.#hasCopiedIn = true
        return again
      }
      case types.complete:
        this.#cost += 512
        return false
      case types.columns:
        this.#columns = message.readInt16BE(headLength)
        this.#cost += 512 + 4 * message.length
        return this.#columns > mostColumns
      case types.row:
        return !this.#countRow(message)
      default:
        return false
    }
  }

  /** @returns whether it has the columns that were said */
  #countRow(row: Buffer): boolean {
    const columns = row.readInt16BE(headLength)
    this.#rowBytes += row.length
    this.#cost += costOf(row, columns, this.#rowBytes > most.unread)
    return columns <= mostColumns && columns === (this.#columns ?? columns)
  }
}

/** Of each byte, whether a part of JSON or of an array begins with it: `,`, `[`, `{`. */
const isPart = new Uint8Array(256)
for (const byte of Buffer.from(',[{')) isPart[byte] = 1

/** Bytes of memory that a row takes, by a guess: few bytes of JSON or of an array can be many objects.
 *  @param byParts whether these are counted: not in answers of the usual size */
function costOf(row: Buffer, columns: number, byParts: boolean): number {
  let parts = columns + 2
  if (byParts) for (let at = 0; at < row.length; at++) if (isPart[row[at]!] === 1) parts++
  return row.length + 32 * parts
}

/** Reads a message as the driver does, up to its end. */
class Body {
  readonly #bytes: Buffer
  #at = headLength

  constructor(message: Buffer) {
    this.#bytes = message
  }

  /** @returns whether it is of a type that answers us, and has its form to the last byte */
  isOf(type: number): boolean {
    return this.#hasForm(type) && this.#at === this.#bytes.length
  }

  #hasForm(type: number): boolean {
    switch (type) {
      case types.row:
        return this.#each(() => this.#value())
      case types.parsed:
      case types.bound:
      case types.noColumns:
      case types.empty:
      case types.copyEnd:
        return true
      case types.ready:
        return this.#skip(1)
      case types.complete:
        return this.#text()
      case types.parameter:
        return this.#text() && this.#text()
      case types.notification:
        return this.#skip(4) && this.#text() && this.#text()
      case types.key:
        return this.#skip(8)
      case types.columns:
        return this.#each(() => this.#text() && this.#skip(18))
      case types.parameters:
        return this.#each(() => this.#skip(4))
      case types.copyIn:
      case types.copyOut:
        return this.#skip(1) && this.#each(() => this.#skip(2))
      case types.error:
      case types.notice:
        return this.#fields()
      case types.authentication:
        return this.#skip(4) && this.#skip(this.#bytes.length - this.#at)
      case types.copied:
        return this.#skip(this.#bytes.length - this.#at)
      default:
        return false
    }
  }

  /** As many things as a number before them says. */
  #each(step: () => boolean): boolean {
    if (!this.#skip(2)) return false
    const count = this.#bytes.readInt16BE(this.#at - 2)
    for (let n = 0; n < count; n++) if (!step()) return false
    return count >= 0
  }

  #value(): boolean {
    if (!this.#skip(4)) return false
    const length = this.#bytes.readInt32BE(this.#at - 4)
    return length === -1 || this.#skip(length)
  }

  #fields(): boolean {
    for (;;) {
      if (!this.#skip(1)) return false
      if (this.#bytes[this.#at - 1] === 0) return true
      if (!this.#text()) return false
    }
  }

  #text(): boolean {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end === -1) return false
    this.#at = end + 1
    return true
  }

  #skip(bytes: number): boolean {
    this.#at += bytes
    return bytes >= 0 && this.#at <= this.#bytes.length
  }
}
