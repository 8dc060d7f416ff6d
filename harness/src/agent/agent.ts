// An agent in this process, in a temporary pod whose log a test can wait on.
import { mkdtemp, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { createLog } from '@nauthera/runtime/log'
import { createMetrics } from '@nauthera/runtime/metrics'
import { startAgent } from '@nauthera/config-agent/app'
import { settingsSchema } from '@nauthera/config-agent/settings'
import { createToldLines } from './told-lines.ts'
import type { LogLine } from './told-lines.ts'

/** A temporary pod: its directories, and a log that a test can wait on. */
export async function createPod() {
  const root = await mkdtemp(join(tmpdir(), 'agent-'))
  const removeRoot = reapDirectory(root)
  const settings = settingsSchema.parse({
    release: 'nauthera',
    namespace: 'auth',
    replica: 'nauthera-server-0',
    clientsDirectory: join(root, 'clients'),
    linkDirectory: join(root, 'link'),
    stateDirectory: join(root, 'last-good'),
    config: { socket: join(root, 'config.sock'), tlsDirectory: join(root, 'tls') },
    status: { host: '127.0.0.1', port: 0 },
    management: { host: '127.0.0.1', port: 0 },
  })
  await mkdir(settings.clientsDirectory)
  await mkdir(settings.linkDirectory)
  const { lines, add, untilTold } = createToldLines({ timeoutMs: 20_000 })
  const log = createLog({ process: 'agent', level: 'debug', format: 'json', sink: { write: add } })
  const stops: (() => Promise<void> | void)[] = []

  return {
    root,
    settings,
    lines,
    /** The lines with this message, in order. */
    told: (message: string): LogLine[] => lines.filter((line) => line.msg === message),
    untilTold,
    startAgent: async (more: Partial<Parameters<typeof startAgent>[0]> = {}) => {
      const metrics = createMetrics('agent')
      const parts: (() => Promise<void> | void)[] = []
      const agent = await startAgent({
        settings,
        version: '0.0.0-test',
        log,
        metrics,
        onStop: (_, stop) => void parts.push(stop),
        wordlessMs: 200,
        ...more,
      })
      const stop = async (): Promise<void> => {
        for (const part of parts.splice(0).reverse()) await part()
      }
      stops.push(stop)
      return { ...agent, metrics, stop }
    },
    /** Stopped with the pod. */
    onStop: (stop: () => Promise<void> | void) => void stops.push(stop),
    remove: async () => {
      for (const stop of stops.reverse()) await stop()
      removeRoot()
    },
  }
}

export type Pod = Awaited<ReturnType<typeof createPod>>
