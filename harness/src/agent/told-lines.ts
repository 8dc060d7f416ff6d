export type LogLine = Record<string, unknown> & { msg: string; level: number }

/** The log lines of one agent, which a test can wait on. */
export interface ToldLines {
  readonly lines: LogLine[]
  /** Takes one line of JSON, as the log wrote it. */
  add(line: string): void
  /** The first line with this message that matches, told already or yet to come.
   *  Rejects after `timeoutMs` with everything that was told instead. */
  untilTold(message: string, matches?: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>
}

/** @param needs.errors what else is of use when a line does not come, such as standard error */
export function createToldLines(needs: { timeoutMs: number; errors?: () => string }): ToldLines {
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  return {
    lines,
    add: (line) => {
      lines.push(JSON.parse(line) as LogLine)
      for (const check of waiting) check()
    },
    untilTold: (message, matches = () => true, timeoutMs = needs.timeoutMs) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = lines.find((line) => line.msg === message && matches(line))
          if (!found) return
          clearTimeout(timer)
          waiting.delete(check)
          resolve(found)
        }
        const timer = setTimeout(() => {
          waiting.delete(check)
          const told = [...lines.map((line) => JSON.stringify(line)), needs.errors?.() ?? ''].join('\n')
          reject(new Error(`"${message}" was not logged within ${timeoutMs} ms; there was:\n${told}`))
        }, timeoutMs)
        waiting.add(check)
        check()
      }),
  }
}
