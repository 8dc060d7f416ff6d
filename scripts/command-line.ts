// The command line of a script of ours: what can be said, and what is wrong about it, without a stack trace.
import { parseArgs } from 'node:util'
import type { ParseArgsOptionsConfig } from 'node:util'

/** Reads it. `--help` prints the usage and ends; what the script does not know is said with the usage, and ends it with code 2.
 *  @param takesWords whether words without a name can stand there */
export function readCommandLine<const Options extends ParseArgsOptionsConfig>(
  usage: string,
  options: Options,
  takesWords = false,
) {
  if (process.argv.slice(2).includes('--help')) {
    process.stdout.write(usage)
    process.exit(0)
  }
  try {
    return parseArgs({ options, allowPositionals: takesWords })
  } catch (error) {
    return refuse(usage, error instanceof Error ? error.message : String(error))
  }
}

/** Ends the script. */
export function refuse(usage: string, message: string): never {
  process.stderr.write(`${message}\n\n${usage}`)
  process.exit(2)
}
