// Renders the chart with real Helm programs. One values file and version is rendered once in a test process.
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { findTool } from '@nauthera/local/programs/tools'

const run = promisify(execFile)

export const chart = resolve(import.meta.dirname, '../../nauthera')
export const helms = ['helm3', 'helm4'] as const
export type Helm = (typeof helms)[number]

/** The values files of `ci/`, one for each way to install. */
export const modes: readonly string[] = readdirSync(join(chart, 'ci')).map((file) => basename(file, '.yaml'))

export interface Manifest {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
  // Whatever a kind holds; a test that reads it knows the kind.
  // oxlint-disable-next-line typescript/no-explicit-any
  [field: string]: any
}

export interface RenderOptions {
  readonly helm?: Helm
  /** A file of `ci/`, without its ending. */
  readonly mode?: string
  /** Values over that file; given to Helm as JSON, so that every string stays as it is. */
  readonly values?: unknown
  readonly release?: string
  readonly namespace?: string
  readonly kube?: string
  readonly apis?: readonly string[]
  readonly directory?: string
}

const rendered = new Map<string, Promise<string>>()

/** @returns what `helm template` prints
 *  @throws the failed process, whose `stderr` has the message */
export function render(options: RenderOptions = {}): Promise<string> {
  const key = JSON.stringify(options)
  const found = rendered.get(key) ?? renderNow(options)
  rendered.set(key, found)
  return found
}

/** The same without remembering it. */
export async function renderNow(options: RenderOptions): Promise<string> {
  const { helm = 'helm3', mode = 'minimal', release = 'nauthera', namespace = 'auth', kube = '1.37.0' } = options
  const command = ['template', release, options.directory ?? chart, '--namespace', namespace, '--kube-version', kube]
  for (const api of options.apis ?? ['cert-manager.io/v1']) command.push('--api-versions', api)
  command.push('--values', join(chart, 'ci', `${mode}.yaml`))
  return withValues(options.values, (files) => runHelm(helm, [...command, ...files]))
}

/** @returns what stands in standard error of a render that must fail */
export async function refusal(options: RenderOptions): Promise<string> {
  try {
    await renderNow(options)
  } catch (error) {
    return (error as { stderr: string }).stderr
  }
  throw new Error(`rendered: ${JSON.stringify(options.values)}`)
}

/** @param kubeconfig of a cluster that it may look things up in; none without it */
export async function runHelm(helm: Helm, command: readonly string[], kubeconfig = '/dev/null'): Promise<string> {
  const { stdout } = await run(await findTool(helm), command, {
    timeout: 60_000,
    maxBuffer: 64 << 20,
    // Without the Helm settings and the cluster of the user. GOGC: garbage collection took a third of the time of a render.
    env: { HOME: tmpdir(), PATH: process.env['PATH'], KUBECONFIG: kubeconfig, GOGC: 'off', GOMEMLIMIT: '512MiB' },
  })
  return stdout
}

async function withValues<T>(values: unknown, work: (flags: string[]) => Promise<T>): Promise<T> {
  if (values === undefined) return work([])
  const directory = await mkdtemp(join(tmpdir(), 'nauthera-values-'))
  try {
    const file = join(directory, 'values.json')
    await writeFile(file, JSON.stringify(values))
    return await work(['--values', file])
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Builds `{a: {b: value}}` from `a.b`. */
export const at = (path: string, value: unknown): unknown =>
  path
    .split('.')
    .reverse()
    .reduce((inner, key) => ({ [key]: inner }), value)

/** Lays values over others, as Helm does with files. */
export function merge(left: unknown, right: unknown): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isMap(left) || !isMap(right)) return right
  return Object.fromEntries(
    [...new Set([...Object.keys(left), ...Object.keys(right)])].map((key) => [
      key,
      key in right ? (key in left ? merge(left[key], right[key]) : right[key]) : left[key],
    ]),
  )
}

const parsed = new Map<string, Manifest[]>()

/** The objects of a render. Most documents are the same bytes in each render, and are parsed once: nobody may change them. */
export function parseManifests(text: string, version: '1.1' | '1.2' = '1.2'): Manifest[] {
  return text.split(/^---\n/m).flatMap((document) => {
    const key = `${version} ${document}`
    const found = parsed.get(key) ?? parseDocument(document, version)
    parsed.set(key, found)
    return found
  })
}

function parseDocument(text: string, version: '1.1' | '1.2'): Manifest[] {
  return parseAllDocuments(text, { version }).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0]!
    const value = document.toJS() as Manifest | null
    return value === null ? [] : [freeze(value)]
  })
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}

export async function objectsOf(options: RenderOptions = {}): Promise<Manifest[]> {
  return parseManifests(await render(options))
}

export function find(objects: readonly Manifest[], kind: string, name: string): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (!found)
    throw new Error(`no ${kind} ${name} among ${objects.map((o) => `${o.kind}/${o.metadata.name}`).join(' ')}`)
  return found
}

export interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  // oxlint-disable-next-line typescript/no-explicit-any
  [field: string]: any
}

export interface Container {
  name: string
  image: string
  // oxlint-disable-next-line typescript/no-explicit-any
  [field: string]: any
}

/** Every pod that a render makes: its owner and its spec. */
export function podsOf(
  objects: readonly Manifest[],
): { owner: string; spec: PodSpec; metadata: Manifest['metadata'] }[] {
  return objects.flatMap((object) => {
    const owner = `${object.kind}/${object.metadata.name}`
    if (object.kind === 'Pod') return [{ owner, spec: object['spec'] as PodSpec, metadata: object.metadata }]
    const template = templateOf(object)
    return template ? [{ owner, spec: template.spec, metadata: template.metadata }] : []
  })
}

/** The template of an object that makes pods. */
export function templateOf(object: Manifest): { spec: PodSpec; metadata: Manifest['metadata'] } | undefined {
  const spec = object['spec'] as { template?: never; jobTemplate?: { spec: { template: never } } } | undefined
  return spec?.template ?? spec?.jobTemplate?.spec.template
}

export const containersOf = (spec: PodSpec): Container[] => [...(spec.initContainers ?? []), ...spec.containers]
