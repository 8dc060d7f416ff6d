import packageJson from '../../package.json' with { type: 'json' }
import { runCommand } from './program.ts'

process.exitCode = await runCommand({
  arguments: process.argv.slice(2),
  terminal: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
  environment: process.env,
  version: packageJson.version,
})
