import { runProcess } from '@nauthera/runtime/lifecycle'
import { startApp } from './app.ts'
import { settingsSchema } from './settings.ts'
import packageJson from '../package.json' with { type: 'json' }

const { version } = packageJson

await runProcess({
  name: 'server',
  version,
  schema: settingsSchema,
  stopTimeoutMs: ({ drainTimeout }) => drainTimeout + 20_000,
  async start({ settings, log, health, metrics, lifecycle }) {
    const app = await startApp({ settings, log, health, metrics, version, now: Date.now })
    lifecycle.onStop('app', () => app.stop())
    app.loaded.catch((error: unknown) =>
      lifecycle.fail(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    )
  },
})
