import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startFront } from './front.ts'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { ContainerLogs } from '@nauthera/stand-in/state'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import { keysJobRules, operatorRules } from '@nauthera/stand-in/operator-rules'
import type { ServerPod } from './pod.ts'
import { startServerPod } from './pod.ts'
import { freePort } from './ports.ts'
import type { Postgres } from './postgres.ts'
import { startPostgres } from './postgres.ts'
import type { Programs, RunningProcess } from './processes.ts'
import { runToEnd, sources, startProcess, writeSettings } from './processes.ts'

// The whole product on one machine, as the chart lays it out: PostgreSQL, the API, the keys Job, migrations, the operator and the
// server pods. `npm run dev` and the end-to-end tests start it.

export const release = 'nauthera'
export const releaseNamespace = 'nauthera'

export interface Stack {
  readonly issuer: string
  /** On 127.0.0.1; in front of all replicas. */
  readonly frontPort: number
  readonly api: KubeApi
  /** File with the rights of an administrator, for kubectl. */
  readonly kubeconfig: string
  readonly database: Postgres
  readonly pods: readonly ServerPod[]
  readonly operator: RunningProcess
  /** Settings of a server, for the command line: `nauthera ... --settings FILE`. */
  readonly serverSettings: string
  /** Starts a further replica. */
  addPod(): Promise<ServerPod>
  /** Ends everything, in the order of a shutdown. */
  stop(): Promise<void>
}

export interface StackOptions {
  readonly directory: string
  readonly replicas: number
  /** Default: `http://localhost:` and the port of the front. */
  readonly issuer?: string
  readonly issuerPort?: number
  readonly apiPort?: number
  readonly namespaces?: readonly string[]
  /** Keeps database and API objects in the directory for the next start. */
  readonly keep?: boolean
  /** From a nudge to the swap of a pod's volume, in milliseconds. */
  readonly nudgeMs?: number
  readonly serverSettings?: object
  readonly operatorSettings?: object
  /** Default: the sources; or bundles, as images hold them. */
  readonly programs?: Programs
  readonly onLine?: (process: string, line: string) => void
  readonly onStep?: (step: string) => void
}

/** @returns when every replica is ready
 *  @throws Error naming the part that did not start, with its last lines; everything is ended again then */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stops: (() => Promise<void> | void)[] = []
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end()
  }
  try {
    return await startParts(options, stops, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function startParts(
  options: StackOptions,
  stops: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<Stack> {
  const { directory, replicas, onLine, onStep, programs = sources } = options
  const at = (path: string) => join(directory, path)
  const state = at('kube-objects.json')
  mkdirSync(directory, { recursive: true })
  const issuerPort = options.issuerPort ?? (await freePort())
  const issuer = options.issuer ?? `http://localhost:${issuerPort}`
  const pods: ServerPod[] = []

  onStep?.('PostgreSQL')
  const [database, api] = await Promise.all([
    startPostgres({
      ...(options.keep ? { directory: at('postgres') } : {}),
      ...(onLine ? { log: (line: string) => onLine('postgres', line) } : {}),
    }),
    startKubeApi({
      ...(options.apiPort === undefined ? {} : { port: options.apiPort }),
      ...(options.keep && existsSync(state) ? { state: JSON.parse(readFileSync(state, 'utf8')) as [] } : {}),
      namespaces: [releaseNamespace, ...(options.namespaces ?? [])],
      logs: podLogs(pods),
    }),
  ])
  stops.push(
    () => database.stop(),
    () => api.stop(),
  )
  if (options.keep) stops.push(keepObjects(api, state))
  for (const { metadata } of api.store.all(api.resource('pods'), releaseNamespace)) {
    api.store.remove(api.resource('pods'), releaseNamespace, metadata.name)
  }
  const kubeconfig = at('kubeconfig')
  writeFileSync(kubeconfig, api.adminConfig, { mode: 0o600 })
  const userConfig = (
    name: string,
    ...parameters: Parameters<KubeApi['addUser']> extends [string, ...infer R] ? R : never
  ) => {
    const file = at(`${name}.kubeconfig`)
    writeFileSync(file, api.addUser(name, ...parameters), { mode: 0o600 })
    return file
  }

  onStep?.('keys and migrations')
  const dsn = at('database-url')
  writeFileSync(dsn, database.url, { mode: 0o600 })
  const log = { format: 'pretty', level: 'info' }
  const server = {
    issuer,
    development: true,
    log,
    database: { dsnFile: dsn, sslMode: 'disable' },
    ...options.serverSettings,
  }
  const serverSettings = writeSettings(at('server.yaml'), { ...server, keysDirectory: at('pods/server-0/keys') })
  const operatorSettings = writeSettings(at('operator.yaml'), {
    issuer,
    release,
    namespace: releaseNamespace,
    identity: 'operator-0',
    watch: { mode: 'cluster' },
    nudge: true,
    management: { host: '127.0.0.1', port: await freePort() },
    log,
    ...options.operatorSettings,
  })
  const tell = (name: string) => (line: string) => onLine?.(name, line)
  await Promise.all([
    runToEnd({
      name: 'keys job',
      script: 'operator/src/keys/main.ts',
      args: ['--settings', operatorSettings],
      env: { KUBECONFIG: userConfig('keys-job', keysJobRules(release, releaseNamespace)) },
      onLine: tell('keys job'),
    }),
    runToEnd({
      name: 'migrate',
      script: 'server/src/cli/main.ts',
      args: ['migrate', 'up', '--settings', serverSettings],
      onLine: tell('migrate'),
    }),
  ])

  onStep?.(`operator and ${replicas === 1 ? 'one server replica' : `${replicas} server replicas`}`)
  const rules = operatorRules({ mode: 'cluster', release, namespace: releaseNamespace, nudge: true })
  const operator = startProcess({
    name: 'operator',
    ...programs.operator,
    args: ['--settings', operatorSettings],
    env: { ...programs.operator.env, KUBECONFIG: userConfig('operator', rules) },
    restart: true,
    onLine: tell('operator'),
  })
  stops.push(() => operator.stop())

  const addPod = async () => {
    const name = `server-${pods.length}`
    const pod = await startServerPod({
      api,
      release,
      namespace: releaseNamespace,
      name,
      directory: at(`pods/${name}`),
      server,
      programs,
      // one replica: people and programs reach it without the front
      ...(replicas === 1 && pods.length === 0 ? { port: issuerPort } : {}),
      ...(options.nudgeMs === undefined ? {} : { nudgeMs: options.nudgeMs }),
      onLine: (process, line) => onLine?.(replicas === 1 ? process : `${process}-${name.slice(7)}`, line),
    })
    pods.push(pod)
    return pod
  }
  stops.push(async () => {
    await Promise.all(pods.map((pod) => pod.stop()))
  })
  for (let index = 0; index < replicas; index++) await addPod()
  if (replicas > 1) {
    const front = await startFront({
      port: issuerPort,
      backends: () => pods.filter(({ ready }) => ready).map(({ port }) => port),
    })
    stops.push(() => front.stop())
  }
  await Promise.all(pods.map((pod) => pod.whenReady()))
  return { issuer, frontPort: issuerPort, api, kubeconfig, database, pods, operator, serverSettings, addPod, stop }
}

/** `kubectl logs`: of the containers `server` (default) and `config-agent`. */
const podLogs =
  (pods: readonly ServerPod[]): ContainerLogs =>
  ({ pod: name, container, follow, tailLines, signal }) => {
    const pod = pods.find((one) => one.name === name)
    const process = container === 'config-agent' ? pod?.agent : pod?.server
    return process?.follow({ follow, signal, ...(tailLines === undefined ? {} : { tail: tailLines }) })
  }

/** Writes the API's objects into a file a moment after each change.
 *  @returns writes the last ones */
function keepObjects(api: KubeApi, file: string): () => void {
  let pending: NodeJS.Timeout | undefined
  const save = () => {
    pending = undefined
    writeFileSync(`${file}.new`, JSON.stringify(api.store.dump()), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  const stopListening = api.store.onChange(() => {
    pending ??= setTimeout(save, 200)
  })
  return () => {
    stopListening()
    clearTimeout(pending)
    save()
  }
}
