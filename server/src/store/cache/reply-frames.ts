// Cuts what a cache or a Sentinel sends into whole replies (RESP 2). It knows the five types that answer our commands, and bounds them:
// the client itself keeps what does not end, and fails on what it did not ask for.

/** The bytes are no reply to what was asked: the connection ends. */
export class ReplyFault extends Error {}

/** Of a status, an error, a number or a length, bytes. */
const longestLine = 512
/** As many values as nothing here reads at once. */
const mostValues = 1000

const signs = { status: 0x2b, error: 0x2d, number: 0x3a, text: 0x24, list: 0x2a } as const
const lineEnd = Buffer.from('\r\n')
const nothing = Buffer.alloc(0)

export class ReplyFrames {
  readonly #room: () => number
  /** The reply that has begun, in room that doubles: however it is cut, it is copied a few times at most. */
  #kept = nothing
  #filled = 0
  /** Up to here the reply is sound. */
  #at = 0
  /** Texts of a list that are still to come. */
  #textsLeft = 0

  /** @param room how many bytes the next reply may have; 0 while none is expected */
  constructor(room: () => number) {
    this.#room = room
  }

  /** @returns the replies that are whole now, each when the one before was handled
   *  @throws ReplyFault for one that was not asked for */
  *take(chunk: Buffer): Generator<Buffer> {
    let bytes = this.#keepWith(chunk)
    while (bytes.length > 0) {
      const room = this.#room()
      if (room === 0) throw new ReplyFault('the cache says something that nobody asked for')
      const isWhole = this.#readOn(bytes, room)
      if (!isWhole) break
      const reply = bytes.subarray(0, this.#at)
      bytes = bytes.subarray(this.#at)
      this.#at = 0
      this.#kept = nothing
      yield reply
    }
    // a reply that was begun before is kept already
    if (this.#kept.length === 0 && bytes.length > 0) this.#kept = Buffer.from(bytes)
    this.#filled = bytes.length
  }

  /** @returns what has come of the reply, and what follows it */
  #keepWith(chunk: Buffer): Buffer {
    if (this.#kept.length === 0) return chunk
    const length = this.#filled + chunk.length
    if (length > this.#kept.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#kept.length))
      this.#kept.copy(larger, 0, 0, this.#filled)
      this.#kept = larger
    }
    chunk.copy(this.#kept, this.#filled)
    return this.#kept.subarray(0, length)
  }

  /** Goes on where the last call ended. @returns whether the reply is whole */
  #readOn(bytes: Buffer, room: number): boolean {
    if (this.#at === 0 && !this.#readHead(bytes, room)) return false
    while (this.#textsLeft > 0) {
      if (!this.#readText(bytes, room)) return false
      this.#textsLeft--
    }
    return true
  }

  #readHead(bytes: Buffer, room: number): boolean {
    switch (bytes[0]) {
      case signs.text:
        this.#textsLeft = 1
        return true
      case signs.status:
      case signs.error:
        return this.#readLine(bytes) !== undefined
      case signs.number: {
        const line = this.#readLine(bytes)
        if (line !== undefined && !/^-?\d{1,19}$/.test(line)) throw new ReplyFault('a number of the cache is none')
        return line !== undefined
      }
      case signs.list: {
        const line = this.#readLine(bytes)
        if (line === undefined) return false
        this.#textsLeft = lengthOf(line, Math.min(mostValues, room))
        return true
      }
      default:
        throw new ReplyFault('the cache answers in another protocol, or by a type that nobody asked for')
    }
  }

  #readText(bytes: Buffer, room: number): boolean {
    if (bytes.length === this.#at) return false
    if (bytes[this.#at] !== signs.text) throw new ReplyFault('a list of the cache has something else than texts')
    const start = this.#at
    const line = this.#readLine(bytes)
    if (line === undefined) return false
    // only in a list: nothing is asked whose whole answer is "none", and the client fails on one that comes unasked
    const isNone = line === '-1' && start > 0
    const end = isNone ? this.#at : this.#at + lengthOf(line, room) + lineEnd.length
    if (end > room) throw new ReplyFault('a reply of the cache is too long')
    if (end > bytes.length) {
      this.#at = start
      return false
    }
    if (!bytes.subarray(end - lineEnd.length, end).equals(lineEnd)) throw new ReplyFault('a text does not end')
    this.#at = end
    return true
  }

  /** @returns what follows the sign; undefined while its end is not there */
  #readLine(bytes: Buffer): string | undefined {
    const line = bytes.subarray(this.#at + 1, this.#at + 1 + longestLine)
    const end = line.indexOf(lineEnd)
    if (end === -1) {
      if (line.length === longestLine) throw new ReplyFault('a line of the cache does not end')
      return undefined
    }
    // the client prints some errors as they are
    if (line.subarray(0, end).some((byte) => byte < 0x20 || byte === 0x7f))
      throw new ReplyFault('a line of the cache has what nobody can read')
    this.#at += 1 + end + lineEnd.length
    return line.toString('latin1', 0, end)
  }
}

function lengthOf(line: string, most: number): number {
  const length = /^\d{1,9}$/.test(line) ? Number(line) : Infinity
  if (length > most) throw new ReplyFault('a reply of the cache is too long, or says no length')
  return length
}
