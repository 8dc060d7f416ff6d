// npm run dev: the whole product on this machine; what it does stands in dev/options.ts.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nextFreePort } from '@nauthera/local/processes/ports'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { createConsole } from './dev/console.ts'
import { demo } from './dev/demo.ts'
import { applyExamples } from './dev/examples.ts'
import { readDevOptions } from './dev/options.ts'
import { addPerson } from './dev/person.ts'
import { prove } from './dev/prove.ts'
import { rotateUnderLoad } from '@nauthera/local/product/rotate-under-load'
import type { RotationReport } from '@nauthera/local/product/rotate-under-load'
import { announce, findRunning } from './dev/running.ts'
import type { Running } from './dev/running.ts'
import { atPort, samplePort, startSampleApp } from './dev/sample.ts'
import { renderSummary } from './dev/summary.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const own = join(root, '.nauthera')
const stateDirectory = join(own, 'dev')
const runningFile = join(own, 'dev-running.json')
const ports = { issuer: 8080, sample: samplePort, api: 6443 }

const options = readDevOptions(demo.namespace)
const screen = createConsole({ stream: options.json ? process.stderr : process.stdout, quiet: options.json })
const recent: string[] = []
const stops: (() => Promise<void> | void)[] = []
let stopping = false

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
  process.exitCode = 1
}
if (process.exitCode !== undefined) await end(Number(process.exitCode))

/** @returns the exit code; undefined when everything goes on running */
async function main(): Promise<number | undefined> {
  const running = findRunning(runningFile)
  if (options.rotate && running) return showRotation(await rotateIn(running, options.rotate))
  if (running && !options.once) {
    throw new Error(
      `it is running already (process ${running.pid}); stop that one first, or add --once to run beside it`,
    )
  }
  const started = performance.now()
  // a run that ends by itself keeps no state, and leaves the state of others alone
  const passing = options.once || options.rotate !== undefined
  const { stack, sample, password } = await start(passing)
  screen.step(`the client ${demo.machine} on every replica`)
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
    if (port !== wanted) screen.say(`port ${wanted} is in use; ${what} is on port ${port}`)
    return port
  }
  const issuerPort = await pick('the issuer', ports.issuer)
  const appPort = await pick('the sample application', ports.sample)
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
  if (!passing) stops.push(announce(runningFile, join(own, 'kubeconfig'), stack))

  screen.step('the sample application and examples/clients')
  const sample = `http://localhost:${appPort}`
  const onLine = (line: string) => showLine('sample', line)
  stops.push(startSampleApp(stack, { directory, port: appPort, onLine }))
  const [password] = await Promise.all([addPerson(stack, directory), applyExamples(stack.api, atPort(appPort))])
  return { stack, sample, password }
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
  // the lines of PostgreSQL are shown only when a start fails
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
