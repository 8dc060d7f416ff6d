// npm run nauthera: the server's command line, from the sources. Without --settings it uses the settings of the running `npm run dev`.
import { fileURLToPath } from 'node:url'
import { findRunning } from './dev/running.ts'

const stateDirectory = fileURLToPath(new URL('../.nauthera/dev', import.meta.url))
const isTold =
  process.env['NAUTHERA_SETTINGS'] !== undefined || process.argv.some((word) => /^--(settings|help)\b/.test(word))

if (!isTold) {
  const running = await findRunning(`${stateDirectory}/running.json`)
  if (running) process.env['NAUTHERA_SETTINGS'] = running.settings
  else {
    process.once('exit', (code) => {
      if (code === 2)
        process.stderr.write('npm run dev is not running: start it first, or name a file with --settings FILE\n')
    })
  }
}
await import('../server/src/cli/main.ts')
