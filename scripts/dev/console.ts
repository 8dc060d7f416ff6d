// The one terminal: a line for each step of the start, then the lines of processes that are worth watching.
import { styleText } from 'node:util'

const colours = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'cyanBright', 'yellowBright', 'greenBright'] as const

export interface Console {
  /** A line of a process. */
  line(process: string, text: string): void
  /** A line of our own. */
  say(text: string): void
  /** A step begins, and the one before it has ended: its line says how long it took. */
  step(title: string): void
  /** The last step has ended. */
  done(): void
}

/** After so long a step that still runs says so, again and again. */
const longMs = 5_000
/** Lines after a pause of this length stand apart from those before. */
const pauseMs = 2_000
const titleWidth = 52

/** @param options.stream where to; colours only when it is a terminal (and as NO_COLOR, FORCE_COLOR say) */
export function createConsole(options: { stream: NodeJS.WriteStream; now?: () => number }): Console {
  const { stream, now = Date.now } = options
  const colourOf = new Map<string, (typeof colours)[number]>()
  const write = (text: string) => void stream.write(`${text}\n`)
  const seconds = (from: number) => `${((now() - from) / 1000).toFixed(1)} s`
  let step: { title: string; began: number; timer: NodeJS.Timeout } | undefined
  let lastLineAt = -Infinity

  const done = () => {
    if (!step) return
    clearInterval(step.timer)
    write(`${step.title.padEnd(titleWidth)} ${seconds(step.began).padStart(7)}`)
    step = undefined
  }
  return {
    line: (process, text) => {
      if (now() - lastLineAt > pauseMs) write('')
      lastLineAt = now()
      const colour = colourOf.get(process) ?? colours[colourOf.size % colours.length]!
      colourOf.set(process, colour)
      write(`${styleText(colour, process.padEnd(10), { stream, validateStream: true })} ${text}`)
    },
    say: write,
    step: (title) => {
      done()
      const began = now()
      const timer = setInterval(() => write(`${title}: ${seconds(began)} ...`), longMs)
      timer.unref()
      step = { title, began, timer }
    },
    done,
  }
}
