import { EventEmitter, on } from 'node:events'

const keptLines = 2_000

/** What a process wrote: the last 2,000 lines, and those to come. */
export class ProcessLines {
  readonly kept: string[] = []
  readonly #name: string
  readonly #emitter = new EventEmitter()

  /** @param name of the process, for messages */
  constructor(name: string) {
    this.#name = name
    this.#emitter.setMaxListeners(0)
  }

  add(line: string): void {
    this.kept.push(line)
    if (this.kept.length > keptLines) this.kept.shift()
    this.#emitter.emit('line', line)
  }

  /** There will be no more lines: every wait for one fails. */
  end(): void {
    this.#emitter.emit('end')
  }

  /** Lines as they come, from the `tail` last ones on. */
  async *follow(options: { tail?: number; follow: boolean; signal?: AbortSignal }): AsyncGenerator<string> {
    const { tail, follow, signal } = options
    yield* tail === undefined ? this.kept : this.kept.slice(Math.max(0, this.kept.length - tail))
    if (!follow) return
    try {
      for await (const [line] of on(this.#emitter, 'line', signal ? { signal } : {})) yield line as string
    } catch (error) {
      if (!signal?.aborted) throw error
    }
  }

  /** @param options.from index in `kept` of the first line that counts; default 0
   *  @returns the first line (of those kept, or to come) that matches
   *  @throws Error after `timeoutMs` (20 s) or at the end, with the last lines */
  find(pattern: RegExp, { from = 0, timeoutMs = 20_000 } = {}): Promise<string> {
    const found = this.kept.slice(from).find((line) => pattern.test(line))
    if (found !== undefined) return Promise.resolve(found)
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.#emitter.off('line', check)
        this.#emitter.off('end', end)
      }
      const fail = (why: string) => {
        settle()
        const last = this.kept.slice(-20).join('\n')
        reject(new Error(`${this.#name}: ${why} (${String(pattern)}); its last lines:\n${last}`))
      }
      const check = (line: string) => {
        if (!pattern.test(line)) return
        settle()
        resolve(line)
      }
      const end = () => fail('ended without a line that was waited for')
      const timer = setTimeout(() => fail(`no such line within ${timeoutMs} ms`), timeoutMs)
      this.#emitter.on('line', check)
      this.#emitter.on('end', end)
    })
  }
}
