// Reads from a stream of bytes as much as is asked for.
import { CodedError } from '@nauthera/runtime/coded-error'

export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #held: Buffer[] = []
  #bytes = 0
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  /** @returns fewer at the end alone */
  async upTo(bytes: number): Promise<Buffer> {
    while (this.#bytes < bytes && (await this.#more()));
    const all = Buffer.concat(this.#held)
    this.#hold(all.subarray(bytes))
    return all.subarray(0, bytes)
  }

  /** @throws CodedError BACKUP_INVALID when there are fewer */
  async exactly(bytes: number): Promise<Buffer> {
    const read = await this.upTo(bytes)
    if (read.length < bytes) throw cutOff()
    return read
  }

  /** @returns with its end
   *  @throws CodedError BACKUP_INVALID when there is none within so many bytes */
  async line(longest: number): Promise<Buffer> {
    for (;;) {
      const all = Buffer.concat(this.#held)
      const end = all.indexOf(10)
      this.#hold(end < 0 ? all : all.subarray(end + 1))
      if (end >= 0) return all.subarray(0, end + 1)
      if (all.length > longest || !(await this.#more())) throw cutOff()
    }
  }

  async isAtEnd(): Promise<boolean> {
    return this.#bytes === 0 && !(await this.#more())
  }

  #hold(rest: Buffer): void {
    this.#held = rest.length === 0 ? [] : [rest]
    this.#bytes = rest.length
  }

  async #more(): Promise<boolean> {
    while (!this.#ended) {
      const { value, done } = await this.#chunks.next()
      if (done === true) this.#ended = true
      else if (value.length > 0) {
        this.#held.push(Buffer.from(value))
        this.#bytes += value.length
        return true
      }
    }
    return false
  }
}

const cutOff = () => new CodedError('BACKUP_INVALID', { message: 'it is no backup, or it was cut off' })
