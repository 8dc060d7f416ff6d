import { runProcess } from '@nauthera/runtime/lifecycle'
import manifest from '../package.json' with { type: 'json' }
import { startAgent } from './app.ts'
import { settingsSchema } from './settings.ts'

await runProcess({
  name: 'agent',
  version: manifest.version,
  schema: settingsSchema,
  stopTimeoutMs: 2_000,
  start: async ({ settings, log, metrics, health, lifecycle }) => {
    let started = false
    health.require('started', () => (started ? undefined : 'not started yet'))
    await startAgent({ settings, version: manifest.version, log, metrics, onStop: lifecycle.onStop })
    started = true
  },
})
