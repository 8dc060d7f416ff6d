// npm run dev: the whole product on this machine; what it does stands in dev/options.ts.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { isReachable } from '@nauthera/local/processes/unprivileged'
import { rotateUnderLoad } from '@nauthera/local/product/rotate-under-load'
import type { RotationReport } from '@nauthera/local/product/rotate-under-load'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { createConsole } from './dev/console.ts'
import { demo } from './dev/demo.ts'
import { startDirectory } from './dev/directory.ts'
import type { DemoDirectory } from './dev/directory.ts'
import { applyExamples, demoPolicy } from './dev/examples.ts'
import { settingsOfExtras } from './dev/extras.ts'
import { createLogFiles } from './dev/log-files.ts'
import type { LogFiles } from './dev/log-files.ts'
import { startInbox } from './dev/inbox.ts'
import { readDevOptions } from './dev/options.ts'
import { addPerson, nameOf } from './dev/person.ts'
import { choosePorts } from './dev/ports.ts'
import type { DevPorts } from './dev/ports.ts'
import { prove } from './dev/prove.ts'
import { announce, findRunning } from './dev/running.ts'
import type { RunningDev } from './dev/running.ts'
import { atPort, mountSecretOf, startSampleApp } from './dev/sample.ts'
import { renderSummary } from './dev/summary.ts'
import { startUpstream } from './dev/upstream.ts'
import type { DemoUpstream } from './dev/upstream.ts'
import { isWatched } from './dev/watched.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const own = join(root, '.nauthera')

const options = readDevOptions(demo.namespace)
const stateDirectory = options.state === undefined ? join(own, 'dev') : resolve(options.state)
const runningFile = join(stateDirectory, 'running.json')
const screen = createConsole({ stream: options.json ? process.stderr : process.stdout })
const recent: string[] = []
const stops: (() => Promise<void> | void)[] = []
let stopping = false
let logs: LogFiles | undefined
/** Which lines of processes are on the screen now. */
let shown: 'none' | 'watched' | 'all' = options.verbose ? 'all' : 'none'

process.on('SIGINT', () => void end(130))
process.on('SIGTERM', () => void end(143))
// npm ends on a signal and does not pass it on, so we end too when the process that started us is gone.
const starter = process.ppid
const orphaned = setInterval(() => process.ppid !== starter && void end(143), 500)
orphaned.unref()
try {
  process.exitCode = await main()
} catch (error) {
  if (options.json) for (const line of recent) screen.say(line)
  screen.say(`npm run dev: ${error instanceof Error ? error.message : String(error)}`)
  if (logs?.directory === join(stateDirectory, 'logs')) {
    screen.say(`what the processes wrote: ${relative(process.cwd(), logs.directory)}`)
  }
  process.exitCode = 1
}
if (process.exitCode !== undefined) await end(Number(process.exitCode))

/** @returns the exit code; undefined when everything goes on running */
async function main(): Promise<number | undefined> {
  if (options.code) {
    const { codeNow } = await import('./dev/authenticator.ts')
    const { code, seconds } = codeNow(stateDirectory)
    process.stdout.write(`${code}\n`)
    process.stderr.write(`for ${seconds} s more\n`)
    return 0
  }
  const running = await findRunning(runningFile)
  if (options.rotate && running) return showRotation(await rotateIn(running, options.rotate))
  if (running && !options.once) {
    throw new Error(
      `it is running already (process ${running.pid}); stop that one first, or add --once to run beside it`,
    )
  }
  const started = performance.now()
  // a run that ends by itself keeps no state, and leaves the state of others alone
  const passing = options.once || options.rotate !== undefined
  const directory = openState(passing)
  const found = await start(directory, passing)
  const { stack } = found
  screen.step('a token of every replica')
  const proof = await prove(stack)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  screen.done()
  if (options.rotate) {
    const replicas = stack.pods.map(({ port }) => port)
    const api = createKubeClient(stack.api.adminConfig)
    return showRotation(await rotateUnderLoad({ api, ...options.rotate, ports: replicas }))
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ issuer: stack.issuer, ...proof, seconds })}\n`)
  else showSummary({ ...found, directory, seconds })
  if (shown === 'none' && !options.json) shown = 'watched'
  return options.once ? 0 : undefined
}

/** @returns the directory of this run */
function openState(passing: boolean): string {
  if (options.reset && !passing) rmSync(stateDirectory, { recursive: true, force: true })
  mkdirSync(own, { recursive: true })
  const directory = passing ? mkdtempSync(join(own, 'once-')) : stateDirectory
  mkdirSync(directory, { recursive: true })
  if (!passing && !isReachable(directory)) {
    throw new Error(
      `PostgreSQL never runs as root, and its account may not enter ${directory}; open that folder and those around it (chmod o+rx), or choose another with --state`,
    )
  }
  if (passing) stops.push(reapDirectory(directory))
  const files = (logs = createLogFiles(join(directory, 'logs')))
  stops.push(() => files.close())
  return directory
}

interface Started {
  readonly stack: Stack
  readonly sample: string
  readonly inbox: string
  readonly password: string
  /** The person with an authenticator app; nobody where the run ends by itself. */
  readonly careful: { readonly password: string; readonly seed: string } | undefined
  /** Of the directory, where there is one. */
  readonly people: DemoDirectory['people']
  readonly upstream: DemoUpstream | undefined
}

async function start(directory: string, passing: boolean): Promise<Started> {
  const ports = await choosePorts(passing ? undefined : join(directory, 'ports.json'), options, screen.say)
  stops.push(() => ports.release())
  const inbox = await startInbox(ports.inbox)
  stops.push(() => inbox.stop())
  const found = options.extras.has('ldap') ? await startDirectory(directory) : undefined
  if (found) stops.push(() => found.stop())
  const upstream = await startOther(directory, ports, passing)
  const isPublic = options.issuer !== undefined && new URL(options.issuer).protocol === 'https:'
  const stack = await startStack({
    directory,
    replicas: options.replicas,
    ports,
    keep: !passing,
    namespaces: [demo.namespace],
    operatorSettings: { policy: demoPolicy() },
    ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    serverSettings: {
      mail: inbox.mail,
      // the whole of it ends at once: nobody is to be told of one server
      drainTimeout: '0s',
      ...settingsOfExtras(options.extras),
      ...(isPublic ? { development: false, trustedProxies: ['127.0.0.1'] } : {}),
      ...(found ? { sources: found.sources } : {}),
      ...(upstream ? { upstreams: upstream.upstreams } : {}),
    },
    onLine: showLine,
    onStep: (step) => screen.step(step),
  })
  stops.push(() => stack.stop())
  if (!passing) stops.push(announce(runningFile, kubeconfigOf(stack), stack))

  screen.step('the sample application and examples/clients')
  const onLine = (line: string) => showLine('sample', line)
  stops.push(mountSecretOf(stack, demo.machine, join(directory, 'secrets', demo.machine)))
  stops.push(await startSampleApp(stack, { directory, port: ports.sample, dev: laterCommand(), onLine }))
  const { port } = ports.sample
  const [password, careful] = await Promise.all([
    addPerson(stack, directory, { name: demo.person, about: nameOf('Ada', 'Lovelace', '--group', 'admins') }),
    passing ? undefined : addCareful(stack, directory),
    applyExamples(stack.api, atPort(port)),
  ])
  const sample = `http://localhost:${port}`
  return { stack, sample, inbox: inbox.url, password, careful, people: found?.people ?? [], upstream }
}

async function addCareful(stack: Stack, directory: string): Promise<Started['careful']> {
  const { addAuthenticator } = await import('./dev/authenticator.ts')
  const password = await addPerson(stack, directory, {
    name: demo.careful,
    about: nameOf('Mary', 'Somerville', '--group', demo.deskGroup),
  })
  return { password, seed: await addAuthenticator(stack, directory, demo.careful) }
}

/** The second Nauthera, when it is wanted. */
async function startOther(directory: string, ports: DevPorts, passing: boolean): Promise<DemoUpstream | undefined> {
  if (ports.upstream === undefined) return undefined
  const upstream = await startUpstream({
    directory: join(directory, 'upstream'),
    issuer: options.issuer ?? `http://localhost:${ports.issuer.port}`,
    port: ports.upstream,
    keep: !passing,
    onLine: showLine,
    onStep: (step) => screen.step(step),
  })
  stops.push(() => upstream.stop())
  return upstream
}

/** Where people look for it: beside the state that everybody has. */
function kubeconfigOf(stack: Stack): string {
  return options.state === undefined && !options.once ? join(own, 'kubeconfig') : stack.kubeconfig
}

/** How a person begins a later command of this run, up to its options. */
function laterCommand(): string {
  if (options.state === undefined) return 'npm run dev --'
  return `npm run dev -- --state ${relative(process.cwd(), stateDirectory) || '.'}`
}

function showSummary(found: Started & { directory: string; seconds: number }): void {
  const { stack, sample, inbox, password, careful, people, upstream, directory, seconds } = found
  const typed = (path: string) => relative(process.cwd(), path)
  const lines = renderSummary({
    stack,
    kubeconfig: typed(kubeconfigOf(stack)),
    logs: typed(join(directory, 'logs')),
    secret: typed(join(directory, 'secrets', demo.machine)),
    sample,
    inbox,
    person: { name: demo.person, password },
    careful: careful && { name: demo.careful, ...careful },
    people,
    upstream,
    web: demo.web,
    machineId: `${demo.namespace}.${demo.machine}`,
    seconds,
    extras: options.extras,
    dev: laterCommand(),
    isUsual: options.state === undefined,
    settings: typed(stack.serverSettings),
    goesOn: !options.once,
  })
  for (const line of lines) screen.say(line)
}

function rotateIn(running: RunningDev, client: { namespace: string; name: string }): Promise<RotationReport> {
  const api = createKubeClient(readFileSync(running.kubeconfig, 'utf8'))
  return rotateUnderLoad({ api, ...client, ports: running.ports })
}

/** @returns the exit code */
function showRotation(report: RotationReport): number {
  const { failures, ...rest } = report
  if (options.json) process.stdout.write(`${JSON.stringify({ ...rest, failures: failures.length })}\n`)
  else {
    if (report.revoked !== undefined) {
      screen.say(
        `${report.client}: ${report.revoked}, the old secret of the rotation before, was ended first (revokePrevious)`,
      )
    }
    screen.say(`${report.client}: secret ${report.from} -> ${report.to}, published after ${report.tookMs} ms`)
    const until = report.previousUntil === undefined ? '' : `, until ${report.previousUntil} at the latest`
    const replicas = report.previousAccepted === 1 ? '1 replica' : `${report.previousAccepted} replicas`
    screen.say(`the old one is still accepted by ${replicas}${until}`)
    screen.say(`requests=${report.requests} failures=${failures.length}`)
  }
  for (const failure of failures.slice(0, 5)) screen.say(failure)
  return failures.length === 0 ? 0 : 1
}

function showLine(name: string, line: string): void {
  recent.push(`${name} ${line}`)
  if (recent.length > 60) recent.shift()
  logs?.add(name, line)
  if (stopping || shown === 'none' || options.json) return
  // the lines of PostgreSQL are shown only when a start fails
  if (shown === 'all' ? name !== 'postgres' : isWatched(name, line)) screen.line(name, line)
}

/** Ends everything in reverse order, then the process. A second signal does not wait. */
async function end(code: number): Promise<never> {
  if (stopping) process.exit(code)
  stopping = true
  if (stops.length > 0) screen.step('stopping')
  for (const stop of stops.splice(0).reverse()) await stop()
  screen.done()
  process.exit(code)
}
