import { runProcess } from '@nauthera/runtime/lifecycle'
import manifest from '../../package.json' with { type: 'json' }
import { systemClock } from '../time/clock.ts'
import { createKeys } from './create-keys.ts'
import { createSecretStore } from '../kubernetes/conditional-write.ts'
import { createConnection } from '../kubernetes/connection.ts'
import { loadCredentials } from '../kubernetes/credentials.ts'
import { settingsSchema } from '../settings.ts'

await runProcess({
  name: 'create-keys',
  version: manifest.version,
  schema: settingsSchema,
  stopTimeoutMs: 20_000,
  start: async ({ settings, log, lifecycle }) => {
    const connection = createConnection({
      credentials: loadCredentials(process.env, systemClock),
      userAgent: `nauthera-create-keys/${manifest.version}`,
    })
    lifecycle.onStop('connection', () => connection.stop())
    const { release, namespace } = settings
    await createKeys({ secrets: createSecretStore(connection), release, namespace, log })
    lifecycle.finish()
  },
})
