import { runProcess } from '@nauthera/runtime/lifecycle'
import manifest from '../package.json' with { type: 'json' }
import { startOperator } from './app.ts'
import { pause, systemClock } from './time/clock.ts'
import { createConnection } from './kubernetes/connection.ts'
import { loadCredentials } from './kubernetes/credentials.ts'
import { settingsSchema } from './settings.ts'

await runProcess({
  name: 'operator',
  version: manifest.version,
  schema: settingsSchema,
  stopTimeoutMs: 20_000,
  start: async ({ settings, log, metrics, lifecycle }) => {
    let waitMs = 0
    // registered first, so stopped last
    lifecycle.onStop('back-off', () => pause(systemClock, waitMs))
    const connection = createConnection({
      credentials: loadCredentials(process.env, systemClock),
      userAgent: `nauthera-operator/${manifest.version}`,
      networkPolicy: { name: settings.networkPolicy, neighbour: 'apiServer' },
    })
    lifecycle.onStop('connection', () => connection.stop())
    const operator = startOperator({
      settings,
      version: manifest.version,
      connection,
      clock: systemClock,
      random: Math.random,
      log,
      metrics,
      onFatal: (reason, backOffMs = 0) => {
        waitMs = backOffMs
        lifecycle.fail(reason)
      },
    })
    lifecycle.onStop('operator', () => operator.stop())
  },
})
