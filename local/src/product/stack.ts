// The whole product on one machine, as the chart lays it out: PostgreSQL, the API, the keys Job, migrations, the operator and the
// server pods. `npm run dev` and the end-to-end tests start it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import { readDefinitions } from '@nauthera/stand-in/manifests'
import { keysJobRules, operatorRules } from '@nauthera/stand-in/operator-rules'
import type { ContainerLogs } from '@nauthera/stand-in/state'
import { freePort, holdFreePort } from '../processes/ports.ts'
import type { HeldPort } from '../processes/ports.ts'
import type { RunningProcess } from '../processes/process.ts'
import { startProcess } from '../processes/process.ts'
import type { Programs } from '../processes/program.ts'
import { sources, writeSettings } from '../processes/program.ts'
import { runToEnd } from '../processes/run-to-end.ts'
import type { Postgres } from '../programs/postgres.ts'
import { startPostgres } from '../programs/postgres.ts'
import { startFront } from './front.ts'
import { recordObjects, readObjects } from './kept-objects.ts'
import type { LocalPod } from './pod.ts'
import { startServerPod } from './pod.ts'

export const release = 'nauthera'
export const releaseNamespace = 'nauthera'
/** `operator.policy` of the stack. It has one user, so every client may be an API, may keep its secrets itself, and may ask for audiences
 *  that no object declares. */
export const baseline = { allow: { resourceServer: true, verifiers: true, audiences: ['https://*', 'urn:*'] } }

export interface Stack {
  readonly issuer: string
  /** Port on 127.0.0.1 that forwards to all replicas. */
  readonly frontPort: number
  readonly api: KubeApi
  /** File with the rights of an administrator, for kubectl. */
  readonly kubeconfig: string
  readonly database: Postgres
  readonly pods: readonly LocalPod[]
  readonly operator: RunningProcess
  readonly operatorManagementPort: number
  /** Settings of a server, for the command line: `nauthera ... --settings FILE`. */
  readonly serverSettings: string
  /** Starts a further replica. */
  addPod(): Promise<LocalPod>
  /** Ends everything, in the order of a shutdown. */
  stop(): Promise<void>
}

export interface StackOptions {
  readonly directory: string
  readonly replicas: number
  /** Default: `http://localhost:` and the port of the front. */
  readonly issuer?: string
  /** Ports to use; each is released when its process is about to bind it. Default: any free ones. */
  readonly ports?: {
    readonly issuer?: HeldPort
    readonly api?: HeldPort
    /** Of the replicas, in their order. */
    readonly pods?: readonly HeldPort[]
  }
  readonly namespaces?: readonly string[]
  /** CustomResourceDefinitions of other products, served beside the chart's. */
  readonly definitions?: readonly unknown[]
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
  mkdirSync(options.directory, { recursive: true })
  const held = { issuer: options.ports?.issuer ?? (await holdFreePort()), operator: await holdFreePort() }
  const launch = new Launch(options, held, options.issuer ?? `http://localhost:${held.issuer.port}`)
  try {
    return await launch.run()
  } catch (error) {
    await launch.stop()
    throw error
  }
}

interface Foundation {
  readonly database: Postgres
  readonly api: KubeApi
  readonly settings: Settings
}

interface Settings {
  /** What every server has. */
  readonly server: object
  /** Files. */
  readonly serverFile: string
  readonly operatorFile: string
}

/** Starts a stack part by part; what has been started can be stopped at any moment. */
class Launch {
  readonly #options: StackOptions
  readonly #held: { readonly issuer: HeldPort; readonly operator: HeldPort }
  readonly #issuer: string
  readonly #pods: LocalPod[] = []
  readonly #stops: (() => Promise<void> | void)[] = []

  constructor(options: StackOptions, held: { issuer: HeldPort; operator: HeldPort }, issuer: string) {
    this.#options = options
    this.#held = held
    this.#issuer = issuer
  }

  async run(): Promise<Stack> {
    const { replicas, onStep } = this.#options
    onStep?.('PostgreSQL and the Kubernetes API')
    const { database, api } = await this.#startDatabaseAndApi()
    const settings = await this.#writeSettings(database)
    const foundation: Foundation = { database, api, settings }
    const kubeconfig = this.#write('kubeconfig', api.adminConfig)

    onStep?.('keys and migrations')
    await this.#createKeysAndTables(foundation)

    onStep?.(`operator and ${replicas === 1 ? 'one server replica' : `${replicas} server replicas`}`)
    await this.#held.operator.release()
    const operator = this.#startOperator(foundation)
    await this.#startPods(foundation)
    const [first] = this.#pods
    // the command line asks the first server how it is
    if (first)
      this.#writeServerFile(settings.server, { management: { host: '127.0.0.1', port: first.managementPorts.server } })
    return {
      issuer: this.#issuer,
      frontPort: this.#held.issuer.port,
      api,
      kubeconfig,
      database,
      pods: this.#pods,
      operator,
      operatorManagementPort: this.#held.operator.port,
      serverSettings: settings.serverFile,
      addPod: () => this.#addPod(foundation),
      stop: () => this.stop(),
    }
  }

  /** Ends what was started, the last one first. */
  async stop(): Promise<void> {
    await Promise.all([this.#held.issuer.release(), this.#held.operator.release()])
    for (const end of this.#stops.splice(0).reverse()) await end()
  }

  async #startDatabaseAndApi(): Promise<{ database: Postgres; api: KubeApi }> {
    const { keep, ports, namespaces = [], definitions = [], onLine } = this.#options
    await ports?.api?.release()
    const objects = this.#at('kube-objects.json')
    const [database, api] = await Promise.all([
      startPostgres({
        ...(keep ? { directory: this.#at('postgres') } : {}),
        ...(onLine ? { log: (line: string) => onLine('postgres', line) } : {}),
      }),
      startKubeApi({
        ...(ports?.api === undefined ? {} : { port: ports.api.port }),
        ...(keep ? { state: readObjects(objects) } : {}),
        namespaces: [releaseNamespace, ...namespaces],
        definitions: [...readDefinitions(), ...definitions],
        logs: podLogs(this.#pods),
      }),
    ])
    this.#stops.push(
      () => database.stop(),
      () => api.stop(),
    )
    if (keep) this.#stops.push(recordObjects(api, objects))
    removePods(api)
    return { database, api }
  }

  async #writeSettings(database: Postgres): Promise<Settings> {
    const issuer = this.#issuer
    const log = { format: 'pretty', level: 'info' }
    const server = {
      issuer,
      development: true,
      log,
      database: { dsnFile: this.#write('database-url', database.url), sslMode: 'disable' },
      ...this.#options.serverSettings,
    }
    return {
      server,
      serverFile: this.#writeServerFile(server),
      operatorFile: this.#writeOperatorSettings('operator.yaml', this.#held.operator.port),
    }
  }

  /** @returns the file with the settings for the command line */
  #writeServerFile(server: object, more: object = {}): string {
    return writeSettings(this.#at('server.yaml'), { ...server, ...more, keysDirectory: this.#at('pods/server-0/keys') })
  }

  #writeOperatorSettings(name: string, port: number): string {
    return writeSettings(this.#at(name), {
      issuer: this.#issuer,
      release,
      namespace: releaseNamespace,
      identity: 'operator-0',
      watch: { mode: 'cluster' },
      nudge: true,
      management: { host: '127.0.0.1', port },
      log: { format: 'pretty', level: 'info' },
      policy: baseline,
      ...this.#options.operatorSettings,
    })
  }

  /** The two Jobs of the chart. */
  async #createKeysAndTables({ api, settings }: Foundation): Promise<void> {
    // a port of its own: that of the operator is held until the operator starts
    const keysSettings = this.#writeOperatorSettings('keys-job.yaml', await freePort())
    const keysConfig = api.addUser('keys-job', keysJobRules(release, releaseNamespace))
    await Promise.all([
      runToEnd({
        name: 'keys job',
        script: 'operator/src/keys/main.ts',
        args: ['--settings', keysSettings],
        env: { KUBECONFIG: this.#write('keys-job.kubeconfig', keysConfig) },
        onLine: this.#tell('keys job'),
      }),
      runToEnd({
        name: 'migrate',
        script: 'server/src/cli/main.ts',
        args: ['migrate', 'up', '--settings', settings.serverFile],
        onLine: this.#tell('migrate'),
      }),
    ])
  }

  #startOperator({ api, settings }: Foundation): RunningProcess {
    const program = (this.#options.programs ?? sources).operator
    const rules = operatorRules({ mode: 'cluster', release, namespace: releaseNamespace, nudge: true })
    const operator = startProcess({
      name: 'operator',
      ...program,
      args: ['--settings', settings.operatorFile],
      env: { ...program.env, KUBECONFIG: this.#write('operator.kubeconfig', api.addUser('operator', rules)) },
      restart: true,
      onLine: this.#tell('operator'),
    })
    this.#stops.push(() => operator.stop())
    return operator
  }

  async #startPods(foundation: Foundation): Promise<void> {
    const { replicas } = this.#options
    this.#stops.push(async () => {
      await Promise.all(this.#pods.map((pod) => pod.stop()))
    })
    for (let index = 0; index < replicas; index++) await this.#addPod(foundation)
    if (replicas > 1) {
      await this.#held.issuer.release()
      const front = await startFront({
        port: this.#held.issuer.port,
        backends: () => this.#pods.filter(({ ready }) => ready).map(({ port }) => port),
      })
      this.#stops.push(() => front.stop())
    }
    await Promise.all(this.#pods.map((pod) => pod.whenReady()))
  }

  async #addPod({ api, settings }: Foundation): Promise<LocalPod> {
    const { replicas, programs = sources, nudgeMs, onLine, ports } = this.#options
    const index = this.#pods.length
    const name = `server-${index}`
    // a single replica has the issuer's port itself, and needs no front
    const port = replicas === 1 && index === 0 ? this.#held.issuer : ports?.pods?.[index]
    const pod = await startServerPod({
      api,
      release,
      namespace: releaseNamespace,
      name,
      directory: this.#at(`pods/${name}`),
      server: settings.server,
      programs,
      ...(port === undefined ? {} : { port }),
      ...(nudgeMs === undefined ? {} : { nudgeMs }),
      onLine: (process, line) => onLine?.(replicas === 1 ? process : `${process}-${name.slice(7)}`, line),
    })
    this.#pods.push(pod)
    return pod
  }

  #at(path: string): string {
    return join(this.#options.directory, path)
  }

  /** @returns the file, which only we can read */
  #write(name: string, text: string): string {
    writeFileSync(this.#at(name), text, { mode: 0o600 })
    return this.#at(name)
  }

  #tell(name: string): (line: string) => void {
    return (line) => this.#options.onLine?.(name, line)
  }
}

/** Pods of an earlier run: their processes are gone. */
function removePods(api: KubeApi): void {
  const pods = api.resource('pods')
  for (const { metadata } of api.store.all(pods, releaseNamespace))
    api.store.remove(pods, releaseNamespace, metadata.name)
}

/** `kubectl logs`: of the containers `server` (default) and `config-agent`. */
const podLogs =
  (pods: readonly LocalPod[]): ContainerLogs =>
  ({ pod: name, container, follow, tailLines, signal }) => {
    const pod = pods.find((one) => one.name === name)
    const process = container === 'config-agent' ? pod?.agent : pod?.server
    return process?.follow({ follow, signal, ...(tailLines === undefined ? {} : { tail: tailLines }) })
  }
