// Starts the parts of a process in order, and stops them in reverse.
import { totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { hasCode } from './coded-error.ts'
import { createHealth, serveManagement } from './health.ts'
import type { Health } from './health.ts'
import { createLog, describeError } from './log.ts'
import type { Log, LogLevel } from './log.ts'
import { createMetrics, processMetrics } from './metrics.ts'
import type { Metrics } from './metrics.ts'
import { loadSettings } from './settings.ts'
import type { z } from './settings.ts'

/** The settings that every process must have. */
interface ProcessSettings {
  readonly log: { level: LogLevel; format: 'json' | 'pretty' }
  readonly management: { host: string; port: number }
  readonly tracing: { endpoint?: string | undefined; sampleRatio: number }
}

/** Registers how to stop what has been started. Stops run in reverse order, one after the other. */
interface Lifecycle {
  onStop(name: string, stop: () => Promise<void> | void): void
  /** Runs the stops and ends the process with exit code 1, because something failed. */
  fail(reason: string): void
  /** Runs the stops and ends the process with exit code 0, because its work is done. */
  finish(): void
  /** Aborted when the process begins to stop. */
  readonly signal: AbortSignal
}

export interface Running<Settings> {
  readonly settings: Settings
  readonly log: Log
  readonly health: Health
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
  /** The settings file that the command line names. */
  readonly settingsFile: string
}

/** Runs one process: settings (every fault printed, exit 2), log, management port, `start`, then until SIGTERM or
 *  SIGINT. A second signal exits at once. An error that nobody caught is logged and ends the process with 1.
 *  @param options.endsByItself it has work to finish: stopped by a signal before that, it exits with 1
 *  @param options.stopTimeoutMs after this the process exits with 1, whatever has not stopped */
export async function runProcess<Schema extends z.ZodType<ProcessSettings>>(options: {
  name: string
  version: string
  schema: Schema
  stopTimeoutMs: number | ((settings: z.output<Schema>) => number)
  endsByItself?: boolean
  start(running: Running<z.output<Schema>>): Promise<void>
}): Promise<void> {
  const { name, version } = options
  const settingsFile = readCommandLine(name, version)
  const settings = loadOrExit(options.schema, settingsFile)
  const log = createLog({ process: name, ...settings.log, traced: settings.tracing.endpoint !== undefined })
  const metrics = createMetrics(name)
  const health = createHealth()
  const { stopTimeoutMs: timeout } = options
  const stopTimeoutMs = typeof timeout === 'number' ? timeout : timeout(settings)
  const { lifecycle, stop } = createLifecycle({ log, health, stopTimeoutMs, stoppedCode: options.endsByItself ? 1 : 0 })
  try {
    tellOfProcess(metrics, health)
    const management = await serveManagement({ listen: settings.management, health, metrics })
    lifecycle.onStop('management', () => management.stop())
    log.info({ version, management: management.port }, 'starting')
    const { endpoint, sampleRatio } = settings.tracing
    if (endpoint !== undefined) {
      const { startTraces } = await import('./export-traces.ts')
      lifecycle.onStop('traces', startTraces({ process: name, version, endpoint, sampleRatio, log }))
    }
    await options.start({ settings, log, health, metrics, lifecycle, settingsFile })
  } catch (error) {
    log.error({ error }, 'start failed')
    const faults = hasCode(error) ? error.faults : []
    for (const fault of faults) log.error({ path: fault.path, fault: fault.message }, 'fault')
    await stop(hasCode(error, 'SETTINGS_INVALID') ? 2 : 1)
  }
}

function tellOfProcess(metrics: Metrics, health: Health): void {
  const ready = metrics.gauge(processMetrics.ready)
  metrics.onRender(() => ready.set(Object.keys(health.missing()).length === 0 ? 1 : 0))
  const memoryLimit = metrics.gauge(processMetrics.memoryLimit)
  // Kubernetes may change the limit of a pod that runs
  metrics.onRender(() => memoryLimit.set(Math.min(process.constrainedMemory() || totalmem(), totalmem())))
}

/** How the process ends: when told to by a signal, when it fails, when its work is done.
 *  @returns `stop` ends it with an exit code */
function createLifecycle(needs: {
  log: ReturnType<typeof createLog>
  health: Health
  stopTimeoutMs: number
  /** When a signal ends it. */
  stoppedCode: 0 | 1
}): {
  lifecycle: Lifecycle
  stop(code: number): Promise<void>
} {
  const { log, health, stopTimeoutMs, stoppedCode } = needs
  const abort = new AbortController()
  const stops: { name: string; stop: () => Promise<void> | void }[] = []
  const exit = async (code: number): Promise<void> => {
    if (await log.flush()) process.exit(code)
    // a thread may be blocked in a write to a pipe without a reader, and process.exit would wait for it for ever
    process.kill(process.pid, 'SIGKILL')
  }
  const stop = async (code: number): Promise<void> => {
    if (abort.signal.aborted) return
    health.drain()
    abort.abort()
    const overdue = setTimeout(() => {
      log.error({ timeout: `${stopTimeoutMs}ms` }, 'stop timed out')
      void exit(1)
    }, stopTimeoutMs)
    overdue.unref()
    for (const part of stops.reverse()) {
      try {
        await part.stop()
      } catch (error) {
        log.warn({ part: part.name, error }, 'stop failed')
      }
    }
    log.info({}, 'stopped')
    await exit(code)
  }
  const lifecycle: Lifecycle = {
    onStop: (part, stopPart) => void stops.push({ name: part, stop: stopPart }),
    fail: (reason) => {
      log.error({ reason }, 'failed')
      void stop(1)
    },
    finish: () => void stop(0),
    signal: abort.signal,
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (abort.signal.aborted) return void exit(1)
      log.info({ signal }, 'stopping')
      void stop(stoppedCode)
    })
  }
  process.on('unhandledRejection', (error) => lifecycle.fail(`unhandled rejection: ${describeError(error)}`))
  process.on('uncaughtException', (error) =>
    lifecycle.fail(`uncaught exception: ${error.stack ?? describeError(error)}`),
  )
  return { lifecycle, stop }
}

function readCommandLine(name: string, version: string): string {
  const fallback = process.env['NAUTHERA_SETTINGS'] ?? `/etc/nauthera/${name}.yaml`
  const usage = `Usage: ${name} [--settings FILE]

  --settings FILE  settings as YAML; default ${fallback}, or NAUTHERA_SETTINGS
  --version        print the version
  --help           print this

Every key can be overridden by an environment variable: docs/settings.md lists them.
`
  try {
    const { values } = parseArgs({
      options: { settings: { type: 'string' }, help: { type: 'boolean' }, version: { type: 'boolean' } },
    })
    if (values.help) {
      process.stdout.write(usage)
      process.exit(0)
    }
    if (values.version) {
      process.stdout.write(`${version}\n`)
      process.exit(0)
    }
    return values.settings ?? fallback
  } catch (error) {
    process.stderr.write(`${name}: ${describeError(error)}\n\n${usage}`)
    process.exit(2)
  }
}

function loadOrExit<Schema extends z.ZodType<ProcessSettings>>(schema: Schema, file: string): z.output<Schema> {
  try {
    return loadSettings(schema, { file, environment: process.env })
  } catch (error) {
    if (!hasCode(error, 'SETTINGS_INVALID')) throw error
    const lines = error.faults.map((fault) => `  ${fault.path}: ${fault.message}`)
    process.stderr.write(`settings in ${file} are not valid; correct these and start again:\n${lines.join('\n')}\n`)
    process.exit(2)
  }
}
