// npm run dev: the whole product on this machine; what it does stands in local/dev-options.ts.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomBytes } from 'node:crypto'
import { annotations, manifestSecretName } from '@nauthera/proto/names'
import type { JWTPayload } from 'jose'
import { createConsole } from './local/console.ts'
import { readDevOptions } from './local/dev-options.ts'
import { renderSummary } from './local/dev-summary.ts'
import { applyExamples } from './local/examples.ts'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { mountVolume } from '@nauthera/stand-in/mounted-volume'
import { nextFreePort } from './local/ports.ts'
import { runToEnd, startProcess } from './local/processes.ts'
import { reapDirectory } from './local/reaper.ts'
import { rotateUnderLoad } from './local/rotate.ts'
import type { RotationReport } from './local/rotate.ts'
import { release, releaseNamespace, startStack } from './local/stack.ts'
import type { Stack } from './local/stack.ts'
import { fetchVerifiedToken, parseCredentials } from './local/token.ts'
import { isReady, statusOf, waitForObject } from './local/wait-for.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const own = join(root, '.nauthera')
const stateDirectory = join(own, 'dev')
const runningFile = join(own, 'dev-running.json')
const demo = { namespace: 'demo', web: 'demo-web', machine: 'demo-machine', person: 'ada' }
const ports = { issuer: 8080, sample: 3000, api: 6443 }

/** What a running `npm run dev` tells a later one. */
interface Running {
  readonly pid: number
  readonly kubeconfig: string
  readonly ports: readonly number[]
}

const options = readDevOptions(demo.namespace)
const screen = createConsole({ stream: options.json ? process.stderr : process.stdout, quiet: options.json })
const recent: string[] = []
const stops: (() => Promise<void> | void)[] = []
let stopping = false

process.on('SIGINT', () => void end(130))
process.on('SIGTERM', () => void end(143))
// npm ends on a signal without passing it on: who started us being gone means the same.
const starter = process.ppid
const orphaned = setInterval(() => process.ppid !== starter && void end(143), 500)
orphaned.unref()
try {
  process.exitCode = await main()
} catch (error) {
  if (options.json) for (const line of recent) screen.say(line)
  screen.say(`npm run dev: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
if (process.exitCode !== undefined) await end(Number(process.exitCode))

/** @returns the exit code; undefined when everything goes on running */
async function main(): Promise<number | undefined> {
  const running = findRunning()
  if (options.rotate && running) return showRotation(await rotateIn(running, options.rotate))
  if (running && !options.once) {
    throw new Error(`it runs already (process ${running.pid}); end that one first, or add --once for one beside it`)
  }
  const started = performance.now()
  // what runs once and ends needs no state, and disturbs nobody's
  const passing = options.once || options.rotate !== undefined
  const { stack, sample, password } = await start(passing)
  const proof = await prove(stack)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  screen.done()
  if (options.rotate) {
    const replicas = stack.pods.map(({ port }) => port)
    const api = createKubeClient(stack.api.adminConfig)
    return showRotation(await rotateUnderLoad({ api, ...options.rotate, ports: replicas }))
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ issuer: stack.issuer, ...proof, seconds })}\n`)
  else {
    const kubeconfig = relative(process.cwd(), passing ? stack.kubeconfig : join(own, 'kubeconfig'))
    const person = { name: demo.person, password }
    const lines = renderSummary({
      stack,
      kubeconfig,
      sample,
      person,
      client: demo.machine,
      ...proof,
      seconds,
      goesOn: !options.once,
    })
    for (const line of lines) screen.say(line)
  }
  return options.once ? 0 : undefined
}

async function start(passing: boolean): Promise<{ stack: Stack; sample: string; password: string }> {
  if (options.reset && !passing) rmSync(stateDirectory, { recursive: true, force: true })
  mkdirSync(own, { recursive: true })
  const directory = passing ? mkdtempSync(join(own, 'once-')) : stateDirectory
  if (passing) stops.push(reapDirectory(directory))
  const taken = new Set<number>()
  const pick = async (what: string, wanted: number) => {
    const port = await nextFreePort(wanted, taken)
    taken.add(port)
    if (port !== wanted) screen.say(`port ${wanted} is taken: ${what} is on ${port}`)
    return port
  }
  const issuerPort = await pick('the issuer', ports.issuer)
  const samplePort = await pick('the sample application', ports.sample)
  const apiPort = await pick('the Kubernetes API', ports.api)
  const isPublic = options.issuer !== undefined && new URL(options.issuer).protocol === 'https:'
  const stack = await startStack({
    directory,
    replicas: options.replicas,
    issuerPort,
    apiPort,
    keep: !passing,
    namespaces: [demo.namespace],
    ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    serverSettings: isPublic ? { development: false, trustedProxies: ['127.0.0.1'] } : {},
    onLine: showLine,
    onStep: (step) => screen.step(step),
  })
  stops.push(() => stack.stop())
  if (!passing) announce(stack)

  screen.step('the sample application and examples/clients')
  const sample = `http://localhost:${samplePort}`
  startSampleApp(stack, directory, samplePort)
  const [password] = await Promise.all([addPerson(stack, directory), applyExamples(stack.api, atPort(samplePort))])
  return { stack, sample, password }
}

/** The sample application signs in at its own port, whichever that is. */
function atPort(port: number): (object: KubeObject) => KubeObject {
  const moved = (text: string) => text.replaceAll(`http://localhost:${ports.sample}/`, `http://localhost:${port}/`)
  return (object) =>
    object.metadata.name === demo.web ? (JSON.parse(moved(JSON.stringify(object))) as KubeObject) : object
}

function startSampleApp(stack: Stack, directory: string, port: number): void {
  const { api } = stack
  const secret = `${demo.web}-oidc`
  const volume = mountVolume({
    directory: join(directory, 'sample-secret'),
    sources: [{ secret }],
    read: (name) =>
      api.store.find(api.resource('secrets'), demo.namespace, name)?.['data'] as Record<string, string> | undefined,
  })
  const stopListening = api.store.onChange(({ object }) => {
    if (object.metadata.name === secret && object.metadata.namespace === demo.namespace) volume.nudge()
  })
  const app = startProcess({
    name: 'sample',
    script: 'scripts/local/sample-app.ts',
    args: ['--port', String(port), '--secret', volume.directory],
    restart: true,
    onLine: (line) => showLine('sample', line),
  })
  stops.push(async () => {
    stopListening()
    volume.stop()
    await app.stop()
  })
}

/** @returns the password of the person that can sign in */
async function addPerson(stack: Stack, directory: string): Promise<string> {
  const file = join(directory, 'password')
  if (existsSync(file)) return readFileSync(file, 'utf8')
  const password = randomBytes(9).toString('base64url')
  const settings = ['--settings', stack.serverSettings]
  const about = ['--email', `${demo.person}@example.com`, '--email-verified', '--name', 'Ada', '--group', 'admins']
  await runToEnd({
    name: `nauthera users add ${demo.person}`,
    script: 'server/src/cli/main.ts',
    args: ['users', 'add', demo.person, ...about, '--password-stdin', ...settings],
    input: password,
  })
  writeFileSync(file, password, { mode: 0o600 })
  return password
}

interface Proof {
  /** First 8 hex of the digest of the set of clients. */
  readonly revision: string
  /** How many replicas gave a token that verifies. */
  readonly replicas: number
  readonly claims: JWTPayload
}

/** Waits until the machine client is live everywhere, then asks every replica for a token with its Secret. */
async function prove(stack: Stack): Promise<Proof> {
  const { api, issuer, pods } = stack
  screen.step(`the client ${demo.machine} on every replica`)
  const client = await waitForObject(
    api,
    'oidcclients',
    { namespace: demo.namespace, name: demo.machine },
    isReady,
    30_000,
  )
  await waitForObject(api, 'oidcclients', { namespace: demo.namespace, name: demo.web }, isReady, 30_000)
  const secret = api.store.get(api.resource('secrets'), demo.namespace, `${demo.machine}-oidc`)
  const credentials = parseCredentials(secret['data'] as Record<string, string>)
  const tokens = await Promise.all(pods.map(({ port }) => fetchVerifiedToken({ port, issuer, credentials })))
  const manifest = api.store.get(api.resource('secrets'), releaseNamespace, manifestSecretName(release))
  const digest = manifest.metadata.annotations?.[annotations.contentDigest] ?? ''
  return {
    revision: digest.slice(0, 8) || (statusOf(client).revision ?? ''),
    replicas: tokens.length,
    claims: tokens[0]!,
  }
}

function announce(stack: Stack): void {
  const kubeconfig = join(own, 'kubeconfig')
  writeFileSync(kubeconfig, stack.api.adminConfig, { mode: 0o600 })
  const running: Running = { pid: process.pid, kubeconfig, ports: stack.pods.map(({ port }) => port) }
  writeFileSync(runningFile, JSON.stringify(running))
  stops.push(() => rmSync(runningFile, { force: true }))
}

function findRunning(): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(runningFile, 'utf8')) as Running
    process.kill(running.pid, 0)
    return running
  } catch {
    return undefined
  }
}

function rotateIn(running: Running, client: { namespace: string; name: string }): Promise<RotationReport> {
  const api = createKubeClient(readFileSync(running.kubeconfig, 'utf8'))
  return rotateUnderLoad({ api, ...client, ports: running.ports })
}

/** @returns the exit code */
function showRotation(report: RotationReport): number {
  const { failures, ...rest } = report
  if (options.json) process.stdout.write(`${JSON.stringify({ ...rest, failures: failures.length })}\n`)
  else {
    screen.say(`${report.client}: secret ${report.from} -> ${report.to}, published after ${report.tookMs} ms`)
    const until = report.previousUntil === undefined ? '' : `, until ${report.previousUntil}`
    screen.say(`the old one is still accepted by ${report.previousAccepted} replicas${until}`)
    screen.say(`requests=${report.requests} failures=${failures.length}`)
  }
  for (const failure of failures.slice(0, 5)) screen.say(failure)
  return failures.length === 0 ? 0 : 1
}

function showLine(name: string, line: string): void {
  recent.push(`${name} ${line}`)
  if (recent.length > 60) recent.shift()
  // PostgreSQL's own notices are for a failed start
  if (name !== 'postgres') screen.line(name, line)
}

/** Ends everything in reverse order, then the process. A second signal does not wait. */
async function end(code: number): Promise<never> {
  if (stopping) process.exit(code)
  stopping = true
  screen.step('stopping')
  for (const stop of stops.splice(0).reverse()) await stop()
  process.exit(code)
}
