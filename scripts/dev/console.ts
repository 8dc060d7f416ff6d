import { styleText } from 'node:util'

// The output of many processes in one terminal: each line begins with the coloured name of its process.

const colours = [
  'cyan',
  'yellow',
  'green',
  'magenta',
  'blue',
  'cyanBright',
  'yellowBright',
  'greenBright',
  'magentaBright',
] as const

export interface Console {
  /** A line of a process. */
  line(process: string, text: string): void
  /** A line of our own. */
  say(text: string): void
  /** Prints the seconds that something takes, every second, until the next step or `done`. */
  step(title: string): void
  done(): void
}

/** @param options.stream where to; colours only when it is a terminal (and as NO_COLOR, FORCE_COLOR say)
 *  @param options.quiet lines of processes are kept back */
export function createConsole(options: { stream: NodeJS.WriteStream; quiet: boolean }): Console {
  const { stream, quiet } = options
  const colourOf = new Map<string, (typeof colours)[number]>()
  const width = 10
  let timer: NodeJS.Timeout | undefined
  const write = (text: string) => void stream.write(`${text}\n`)
  const done = () => clearInterval(timer)
  return {
    line: (process, text) => {
      if (quiet) return
      const colour = colourOf.get(process) ?? colours[colourOf.size % colours.length]!
      colourOf.set(process, colour)
      const name = styleText(colour, process.padEnd(width), { stream, validateStream: true })
      write(`${name} ${text}`)
    },
    say: write,
    step: (title) => {
      done()
      const started = Date.now()
      timer = setInterval(() => write(`${title}: ${Math.round((Date.now() - started) / 1000)} s ...`), 1000)
      timer.unref()
    },
    done,
  }
}
