import { userInfo } from 'node:os'
import packageJson from '../../package.json' with { type: 'json' }
import { runCommand } from './program.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // the reader closed the pipe, as in `nauthera users list | head`
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await runCommand({
  arguments: process.argv.slice(2),
  terminal: {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    onInterrupt: (interrupt) => {
      process.once('SIGINT', interrupt)
      return () => process.off('SIGINT', interrupt)
    },
  },
  environment: process.env,
  version: packageJson.version,
  by: nameOfUser(),
})

/** @returns the user of this process, by name or number */
function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
