// A real Prometheus with the alerts of the chart, over processes on this machine.
import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { stringify } from 'yaml'
import { freePort } from '@nauthera/local/processes/ports'
import { reapDirectory, reapProcess } from '@nauthera/local/processes/reaper'
import { alerts, findPrometheus } from '../../../charts/test/support/alerts.ts'

/** What is scraped, with the labels that a PodMonitor gives. */
export interface ScrapeTarget {
  readonly pod: string
  readonly port: number
  /** Of the release; another one is a spoke, for which the alert about its hub is loaded. Default: auth. */
  readonly namespace?: string
}

export interface Prometheus {
  /** @returns the samples of an instant query */
  query(expr: string): Promise<readonly { readonly metric: Readonly<Record<string, string>>; readonly value: string }[]>
  /** Resolves when every target has been scraped. */
  whenScraping(): Promise<void>
  /** @returns the names of the alerts that fire now */
  firing(): Promise<readonly string[]>
  /** Resolves when they all fire. @throws Error that names those that do not */
  untilFiring(names: readonly string[], timeoutMs: number): Promise<void>
  /** Resolves when none of them fires. @throws Error that names those that do */
  untilSilent(names: readonly string[], timeoutMs: number): Promise<void>
  stop(): Promise<void>
}

const namespaceLabel = 'auth'
/** `for` is this long here, and ranges are shortened too, so that what takes minutes takes seconds. */
const waits = { for: '3s', scrape: '1s' }
const ranges: Readonly<Record<string, string>> = { '5m': '20s', '15m': '40s', '30m': '60s', '1h': '40s', '6h': '120s' }

/** @returns an expression as this Prometheus evaluates it */
export const shortened = (expr: string, namespace = namespaceLabel): string =>
  expr
    .replaceAll('$namespace', namespace)
    .replaceAll('$__rate_interval', '20s')
    .replaceAll('offset 2m', 'offset 5s')
    .replace(/\[(\d+[mh])\]/g, (_all, range: string) => `[${ranges[range] ?? range}]`)

/** @param targets what it scrapes
 *  @param options.asInstalled rules and waits are those of the chart; default: shortened
 *  @throws Error that says how to install it */
export async function startPrometheus(
  targets: readonly ScrapeTarget[],
  options: { asInstalled?: boolean } = {},
): Promise<Prometheus> {
  const program = findPrometheus('prometheus')
  if (program === undefined) throw new Error('prometheus is not there; run apt-get install prometheus')
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-prometheus-'))
  const forget = reapDirectory(directory)
  const rules = [...alerts.values()].map((rule) =>
    options.asInstalled
      ? { ...rule, expr: rule.expr.replaceAll('$namespace', namespaceLabel) }
      : { ...rule, expr: shortened(rule.expr), for: waits.for },
  )
  const spokes = new Set(
    targets.flatMap(({ namespace = namespaceLabel }) => (namespace === namespaceLabel ? [] : namespace)),
  )
  const hub = alerts.get('nauthera-hub-unreachable')!
  const ofSpokes = [...spokes].map((namespace) => ({ ...hub, expr: shortened(hub.expr, namespace), for: waits.for }))
  writeFileSync(
    join(directory, 'rules.yaml'),
    stringify({ groups: [{ name: 'nauthera', rules: [...rules, ...ofSpokes] }] }),
  )
  const job = {
    job_name: 'nauthera',
    static_configs: targets.map(({ pod, port, namespace = namespaceLabel }) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { namespace, pod },
    })),
  }
  const interval = options.asInstalled ? '15s' : waits.scrape
  const timeout = options.asInstalled ? '10s' : waits.scrape
  const global = { scrape_interval: interval, scrape_timeout: timeout, evaluation_interval: interval }
  const configuration = { global, rule_files: ['rules.yaml'], scrape_configs: [job] }
  writeFileSync(join(directory, 'prometheus.yaml'), stringify(configuration))
  const port = await freePort()
  const child = spawn(
    program,
    [
      `--config.file=${join(directory, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  reapProcess(child)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))

  const ask = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return ((await answer.json()) as { data: Record<string, unknown> }).data
  }
  const query: Prometheus['query'] = async (expr) => {
    const { result } = await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`)
    return (result as { metric: Record<string, string>; value: [number, string] }[]).map(({ metric, value }) => ({
      metric,
      value: value[1],
    }))
  }
  const firing = async () => [
    ...new Set((await query('ALERTS{alertstate="firing"}')).map(({ metric }) => metric['alertname']!)),
  ]
  /** Its state can only be asked for: it tells nobody. */
  const until = async (what: () => Promise<readonly string[]>, timeoutMs: number) => {
    const end = performance.now() + timeoutMs
    for (;;) {
      const missing = await what().catch((error: unknown) => [String(error)])
      if (missing.length === 0) return
      if (performance.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${missing.join(', ')}`)
      await pause(250)
    }
  }
  return {
    query,
    firing,
    whenScraping: () =>
      until(
        async () =>
          (await query('up')).filter(({ value }) => value === '1').length < targets.length ? ['targets'] : [],
        60_000,
      ),
    untilFiring: (names, timeoutMs) =>
      until(async () => {
        const now = await firing()
        return names.filter((name) => !now.includes(name))
      }, timeoutMs),
    untilSilent: (names, timeoutMs) =>
      until(async () => {
        const now = await firing()
        return names.filter((name) => now.includes(name))
      }, timeoutMs),
    async stop() {
      child.kill('SIGKILL')
      await ended
      forget()
    },
  }
}
