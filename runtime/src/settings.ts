// Loads settings from a file and the environment: a frozen value, or every fault.
import { readFileSync } from 'node:fs'
import { parseDocument, stringify } from 'yaml'
import { z } from 'zod'
import { fieldsOf, isJsonRecord } from './json.ts'
import { CodedError } from './coded-error.ts'
import type { Fault } from './coded-error.ts'
import { Secret } from './secret.ts'

export { z }

/** @param value plain JSON @returns YAML, with a line break at its end */
export const writeYaml = (value: unknown): string => stringify(value, { lineWidth: 0 })

/** Parses YAML or JSON from outside.
 *  @returns the value, or the fault in its syntax, which never quotes the text: it may hold a secret */
export function readYaml(text: string): { readonly value: unknown } | { readonly fault: string } {
  const document = parseDocument(text, { prettyErrors: true })
  const [error] = document.errors
  if (error !== undefined) return { fault: `is not YAML: see line ${error.linePos?.[0].line ?? '?'}` }
  try {
    return { value: document.toJS() }
  } catch {
    return { fault: 'is not YAML that can be read: it repeats itself too often by its anchors' }
  }
}

/** Settings that every process has. */
export const logSettings = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Lowest level that is written.'),
    format: z.enum(['json', 'pretty']).default('json').describe('JSON lines, or lines for people.'),
  })
  .prefault({})

/** Where the spans of every process go. */
export const tracingSettings = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
      .optional()
      .describe('Address of an OpenTelemetry collector that takes OTLP over HTTP; without it there are no traces.'),
    sampleRatio: z.number().min(0).max(1).default(1).describe('Share of traces that are sent.'),
  })
  .prefault({})

/** An address to listen on. */
export const listenSettings = (port: number, host = '0.0.0.0') =>
  z
    .strictObject({
      host: z.string().min(1).default(host).describe('Address to listen on.'),
      port: z.int().min(0).max(65535).default(port).describe('Port to listen on.'),
    })
    .prefault({})

/** Reads a YAML file, replaces values by environment variables, and checks the result against the schema.
 *  A key `database.poolMax` is overridden by `NAUTHERA_DATABASE_POOL_MAX`: a YAML value, and for a list also its items with commas between them.
 *  @returns the frozen settings
 *  @throws CodedError SETTINGS_INVALID with every fault and its path */
export function loadSettings<Schema extends z.ZodType>(
  schema: Schema,
  source: { file: string; text?: string; environment?: Readonly<Record<string, string | undefined>> },
): z.output<Schema> {
  const raw = overlayEnvironment(schema, parseYaml(source), source.environment ?? {})
  const parsed = schema.safeParse(raw)
  if (!parsed.success) {
    throw new CodedError('SETTINGS_INVALID', { faults: parsed.error.issues.flatMap((issue) => faultsOf(issue, raw)) })
  }
  return deepFreeze(parsed.data)
}

/** Reads a secret from a mounted file, without the line break at its end.
 *  @throws CodedError SETTINGS_INVALID that names the key and the file */
export const readSecretFile = (path: string, key: string): Secret =>
  new Secret(readMounted(path, key, 'mount the Secret there or correct the path').replace(/\r?\n$/, ''))

/** Reads the certificates of a CA (PEM) from a mounted file.
 *  @throws CodedError SETTINGS_INVALID that names the key and the file */
export const readCaFile = (path: string, key: string): string =>
  readMounted(path, key, "mount the CA's certificate there")

function readMounted(path: string, key: string, remedy: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new CodedError('SETTINGS_INVALID', {
      cause,
      faults: [{ path: key, message: `cannot read ${path}; ${remedy}` }],
    })
  }
}

/** @returns the environment variable that overrides a key: `database.poolMax` -> `NAUTHERA_DATABASE_POOL_MAX`. */
export function environmentName(path: readonly string[]): string {
  return ['NAUTHERA', ...path.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase())].join('_')
}

type JsonSchema = z.core.JSONSchema._JSONSchema

function parseYaml(source: { file: string; text?: string }): Record<string, unknown> {
  let text = source.text
  try {
    text ??= readFileSync(source.file, 'utf8')
  } catch (cause) {
    throw new CodedError('SETTINGS_INVALID', {
      cause,
      faults: [{ path: source.file, message: 'cannot be read; give the path of a YAML file with --settings' }],
    })
  }
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({ path: source.file, message: error.message.split('\n')[0] ?? '' }))
    throw new CodedError('SETTINGS_INVALID', { faults })
  }
  const value: unknown = document.toJS() ?? {}
  if (!isJsonRecord(value)) {
    throw new CodedError('SETTINGS_INVALID', {
      faults: [{ path: source.file, message: 'must be a YAML mapping, such as "issuer: https://login.example.com"' }],
    })
  }
  return value
}

function overlayEnvironment(
  schema: z.ZodType,
  base: Record<string, unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const root = structuredClone(base)
  for (const { path, type } of leavesOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))) {
    const text = environment[environmentName(path)]
    if (text === undefined) continue
    let at = root
    for (const part of path.slice(0, -1)) at = memberOf(at, part)
    at[path.at(-1)!] = type === 'string' ? text : type === 'array' ? readList(text) : parseDocument(text).toJS()
  }
  return root
}

/** The object under a key, which is made where the file has none. */
function memberOf(of: Record<string, unknown>, key: string): Record<string, unknown> {
  const member = of[key]
  return isJsonRecord(member) ? member : (of[key] = {})
}

/** `[a, b]`, lines with `- a`, or `a,b`. */
function readList(text: string): unknown {
  const document = parseDocument(text)
  const value: unknown = document.errors.length === 0 ? document.toJS() : undefined
  if (typeof value === 'object' && value !== null) return value
  return text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

function leavesOf(schema: JsonSchema, path: string[] = []): { path: string[]; type: unknown }[] {
  if (typeof schema === 'boolean' || !schema.properties)
    return path.length > 0 ? [{ path, type: fieldsOf(schema)['type'] }] : []
  return Object.entries(schema.properties).flatMap(([key, child]) => leavesOf(child, [...path, key]))
}

function faultsOf(issue: z.core.$ZodIssue, raw: unknown): Fault[] {
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [path, key].filter(Boolean).join('.'),
      message: 'is not a setting; remove it or correct its name',
    }))
  }
  // When the schema has its own message, that message says more than "is required".
  const missing = issue.code === 'invalid_type' && valueAt(raw, issue.path) === undefined
  const message = missing && issue.message.startsWith('Invalid input') ? 'is required' : issue.message
  return [{ path: path || '(settings)', message }]
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => fieldsOf(value)[String(key)], raw)
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Secret)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
