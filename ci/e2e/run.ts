// npm run e2e: the product on a real Kubernetes. Starts one itself, or uses the one of KUBECONFIG with NAUTHERA_E2E_CLUSTER=existing.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { parts } from '../../scripts/bundle.ts'
import { readCommandLine } from '../../scripts/command-line.ts'
import { addUp } from '../../scripts/plain-line.ts'
import { compileCache } from '@nauthera/local/processes/program'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { clusterDirectory, installImagePrograms, missingForCluster, startCluster } from './cluster.ts'
import type { TestedCluster } from './cluster.ts'
import { useExisting } from './existing.ts'
import {
  buildDriverImage,
  buildExamplePostgresImage,
  buildOAuth2ProxyImage,
  buildOpenLdapImage,
  buildPostgresImage,
  buildValkeyImage,
  hasGo,
} from './images/build.ts'
import { createLater, laterImages } from './later.ts'
import type { LaterImages } from './later.ts'
import { describeTraces, readTraces } from './leftovers.ts'
import { buildPrevious, previousArchives } from './previous.ts'
import { root } from './support/kubernetes.ts'

const usage = `Usage: npm run e2e [-- [--grep TEXT] [--keep] [--images] [--check-images] [FILE ...]]

  --grep TEXT  only tests whose title has the text
  --keep       leave the cluster that was started, and all in it, running, and say how to reach it
  --images     build the images that the nodes of a cluster need, print their archives, one a line, and end
  --check-images
               with a cluster of our own: build those of the product once more behind the tests, and fail when a digest differs
  FILE ...     these files only; default: all, in an order in which they share one installation

Writes e2e-report.json: an array of {name, value, unit, target, better, ok}.
NAUTHERA_E2E_CLUSTER=existing runs on the cluster that KUBECONFIG names: docs/e2e.md says what it must have, and how it gets the images.
NAUTHERA_E2E_PREVIOUS=COMMIT is what an upgrade begins from; default: the newest tag, or what ci/e2e/previous-build names.
`

/** First the files that install CRDs of their own, then those that share one installation. */
const suites = [
  'operator',
  'policies',
  'tutorials',
  'install',
  'clients',
  'fences',
  'secretless',
  // begins what takes six minutes and is looked at in keys
  'kubectl',
  'sign-in',
  // what secretless began
  'audit',
  'second-release',
  'rotation',
  'disruption',
  // begins an upgrade, which upgrade looks at
  'releases',
  'mutual-tls',
  // as mutual-tls has told the release
  'people',
  'plugin',
  'spoke',
  'upgrade',
  'ring',
  'keys',
  'uninstall',
  // as uninstall has installed it
  'hardened',
  // last, since it leaves values of its own: else another rollout would take them back
  'own-keys',
].map((name) => `ci/e2e/${name}.e2e.ts`)
/** They run a process of this checkout, or none: no images are needed. */
const withoutImages = new Set([...suites.slice(0, 2), 'ci/e2e/restore.e2e.ts'])
/** They need no Valkey. */
const withoutProduct = new Set([...withoutImages, ...suites.slice(0, 3)])
const named =
  (...names: readonly string[]) =>
  (file: string) =>
    names.some((name) => file.includes(name))
/** Which files need what is built last, and how that is built. */
const neededBy: Readonly<Record<LaterImages, (file: string) => boolean>> = {
  valkey: (file) => !withoutProduct.has(file),
  'oauth2-proxy': named('sign-in'),
  previous: named('second-release', 'releases'),
  openldap: named('people', 'mutual-tls'),
  plugin: named('plugin', 'spoke'),
}
const buildLater: Readonly<Record<LaterImages, () => Promise<string[]>>> = {
  valkey: async () => [(await buildValkeyImage()).archive],
  'oauth2-proxy': async () => (hasGo() ? [(await buildOAuth2ProxyImage()).archive] : []),
  previous: async () => {
    await buildPrevious(say)
    return [...previousArchives]
  },
  openldap: async () => [(await buildOpenLdapImage()).archive],
  plugin: async () => {
    const status = await runNode(['scripts/plugin.ts', '--platform', 'linux-amd64'])
    if (status !== 0) throw new Error(`scripts/plugin.ts ended with ${status}; the reason stands above`)
    return []
  },
}

const { values, positionals } = readCommandLine(
  usage,
  {
    grep: { type: 'string' },
    keep: { type: 'boolean', default: false },
    images: { type: 'boolean', default: false },
    'check-images': { type: 'boolean', default: false },
  },
  true,
)

const began = performance.now()
const seconds = () => Math.round((performance.now() - began) / 1000)
const say = (line: string): void => void process.stderr.write(`e2e ${String(seconds()).padStart(4)} s: ${line}\n`)
const giveUp = (why: string): never => {
  say(why)
  process.exit(1)
}
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopped.abort())

if (values.images) {
  await installImagePrograms(say)
  const building = async () => {
    const archives = await buildImages({ own: false, load: () => Promise.resolve() })
    for (const what of laterImages) archives.push(...(await buildLater[what]()))
    return archives
  }
  for (const archive of await building().catch((error: unknown) => giveUp(describe(error))))
    process.stdout.write(`${archive}\n`)
  process.exit(0)
}

const files = positionals.length > 0 ? positionals : suites
const needsImages = files.some((file) => !withoutImages.has(file))
const isExisting = process.env['NAUTHERA_E2E_CLUSTER'] === 'existing'
const missing = isExisting ? undefined : missingForCluster()
if (missing !== undefined)
  giveUp(`no cluster: ${missing}. To use another one: NAUTHERA_E2E_CLUSTER=existing KUBECONFIG=FILE npm run e2e`)
const tracesBefore = await readTraces()
const cluster = isExisting ? undefined : await startCluster(say)

let code = 1
const counts: string[] = []
try {
  if (cluster && needsImages) {
    const loading = buildImages({ own: true, load: (...archives) => cluster.loadImages(...archives) })
    // told below, after the tests that run meanwhile: these wait for clocks more than they work
    loading.catch(() => undefined)
    const first = values.grep === undefined ? files.filter((file) => withoutImages.has(file)) : []
    const status = await runTests(cluster.kubeconfig, first)
    await loading
    const rest = files.filter((file) => !first.includes(file))
    if (!stopped.signal.aborted) code = Math.max(status, await runWithLater(cluster, rest))
  } else if (!stopped.signal.aborted) {
    code = await runTests(cluster?.kubeconfig ?? (await useExisting(say, { needsImages })), files)
  }
} catch (error) {
  say(describe(error))
}
if (values.keep && cluster) {
  cluster.leave()
  say(`left running: KUBECONFIG=${cluster.kubeconfig}; the next npm run e2e removes it`)
} else await cluster?.down()
if (cluster && !values.keep) {
  const left = describeTraces(tracesBefore, await readTraces())
  for (const trace of left) say(`left behind: ${trace}`)
  if (left.length > 0) code ||= 1
}
say('done')
if (counts.length > 1) process.stdout.write(`\n${addUp(counts)}\n`)
process.exit(code)

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** @param what.own for a cluster of our own: one of them has the name of an official image
 *  @param what.load gets the archives: those of this product while the others are built
 *  @returns the archives: of this product, and of what it needs around it */
async function buildImages(what: { own: boolean; load: (...archives: string[]) => Promise<void> }): Promise<string[]> {
  say('building the images ...')
  const status = await runNode(['scripts/images.ts'])
  if (status !== 0) throw new Error(`scripts/images.ts ended with ${status}; the reason stands above`)
  const own = parts.map((part) => join(root, '.nauthera/images', `${part}.tar`))
  const loading = what.load(...own)
  // told below
  loading.catch(() => undefined)
  const built = [
    await buildPostgresImage(),
    ...(what.own ? [await buildExamplePostgresImage()] : []),
    await buildDriverImage(),
  ]
  const extra = built.map(({ archive }) => archive)
  await loading
  await what.load(...extra)
  return [...own, ...extra]
}

/** Runs the tests, and meanwhile builds what only some of them need, behind everything else that this machine does. */
async function runWithLater(cluster: TestedCluster, files: readonly string[]): Promise<number> {
  const later = createLater(join(clusterDirectory, 'later'))
  const wanted = laterImages.filter((what) => files.some(neededBy[what]))
  for (const what of laterImages)
    if (!wanted.includes(what)) later.tell(what, `${what} is not built for these files: see neededBy in ci/e2e/run.ts`)
  let ended = false
  const tests = runTests(cluster.kubeconfig, files, later.environment).finally(() => (ended = true))
  // what is started from now on has it too
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  for (const what of wanted) {
    if (ended || stopped.signal.aborted) break
    const fault = await buildLater[what]()
      .then((archives) => cluster.loadImages(...archives))
      .then(() => undefined, describe)
    if (fault !== undefined) say(`${what}: ${fault}`)
    later.tell(what, fault)
  }
  const differ =
    values['check-images'] && !stopped.signal.aborted && (await runNode(['scripts/images.ts', '--again'])) !== 0
  setPriority(constants.priority.PRIORITY_NORMAL)
  return Math.max(await tests, differ ? 1 : 0)
}

function runTests(
  kubeconfig: string,
  files: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<number> {
  if (files.length === 0) return Promise.resolve(0)
  const counted = join(root, `.nauthera/e2e/counts-${counts.length}.json`)
  rmSync(counted, { force: true })
  counts.push(counted)
  const mocha = ['node_modules/mocha/bin/mocha.js', '--no-config', '--forbid-only', '--fail-zero', '--timeout', '60000']
  const filter = values.grep === undefined ? [] : ['--fgrep', values.grep]
  const report = [
    '--reporter',
    'scripts/reporter.mjs',
    '--reporter-option',
    `counts=${counted}`,
    '--require',
    'ci/e2e/support/hooks.ts',
  ]
  return runNode([...mocha, ...report, ...filter, ...files], {
    NODE_ENV: 'test',
    KUBECONFIG: kubeconfig,
    ...more,
  })
}

/** Is ended when this process is told to.
 *  @returns its exit code */
async function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...compileCache, ...env } })
  reapProcess(child)
  const end = () => child.kill('SIGTERM')
  stopped.signal.addEventListener('abort', end)
  const status = await new Promise<number>((resolve) => child.once('exit', (exit) => resolve(exit ?? 1)))
  stopped.signal.removeEventListener('abort', end)
  return status
}
