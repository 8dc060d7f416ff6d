import { runProcess } from '@nauthera/runtime/lifecycle'
import manifest from '../../package.json' with { type: 'json' }
import { systemClock } from '../time/clock.ts'
import { createKeysInTime } from './create-keys.ts'
import { createSecretStore } from '../kubernetes/conditional-write.ts'
import { createConnection } from '../kubernetes/connection.ts'
import { loadCredentials } from '../kubernetes/credentials.ts'
import { settingsSchema } from '../settings.ts'

await runProcess({
  name: 'create-keys',
  version: manifest.version,
  schema: settingsSchema,
  stopTimeoutMs: 20_000,
  endsByItself: true,
  start: async ({ settings, log, lifecycle }) => {
    const connection = createConnection({
      credentials: loadCredentials(process.env, systemClock),
      userAgent: `nauthera-create-keys/${manifest.version}`,
      networkPolicy: { name: settings.networkPolicy, neighbour: 'apiServer' },
    })
    lifecycle.onStop('connection', () => connection.stop())
    const { release, namespace } = settings
    const { signal } = lifecycle
    const secrets = createSecretStore(connection)
    await createKeysInTime({ secrets, release, namespace, clock: systemClock, random: Math.random, signal, log })
    lifecycle.finish()
  },
})
