// docs/fields.md: every field of an OIDCClient, an OIDCPolicy and an OIDCCluster, from the CRDs themselves, with an example of each.
import { readFileSync, readdirSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { clientDefinition, clusterDefinition, policyDefinition } from '@nauthera/operator/api/crds'

const head = `# Fields

<!-- Written by "npm run generate" from the definitions in operator/src/api and from examples/. -->

What an \`OIDCClient\`, an \`OIDCPolicy\` and an \`OIDCCluster\` can say. \`kubectl explain oidcclient.spec --recursive\` shows the same in a cluster. Every field is optional unless it says
so. The API server refuses a field that cannot be served, or a value that makes no sense. It says what to write instead:
[examples/bad](../examples/bad) has an object for each such mistake.
`

/** A field that has a value of its own. */
export interface Field {
  /** Such as `auth.identities[].issuer`. */
  readonly path: string
  readonly schema: Schema
  readonly required: boolean
}

interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly default?: string | number | boolean
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
}

const kinds = [clientDefinition, policyDefinition, clusterDefinition] as const

/** @returns the fields of the spec of each kind, by its name */
export const fieldsByKind = (): Readonly<Record<string, readonly Field[]>> =>
  Object.fromEntries(
    kinds.map(({ spec: { names, versions } }) => {
      const root = versions[0]!.schema.openAPIV3Schema as Schema
      return [names.kind, fieldsOf(root.properties!['spec']!, '')]
    }),
  )

function fieldsOf(schema: Schema, path: string, required = false): readonly Field[] {
  if (schema.items?.properties) return fieldsOf(schema.items, `${path}[]`)
  if (!schema.properties) return [{ path, schema, required }]
  return Object.entries(schema.properties).flatMap(([name, child]) =>
    fieldsOf(child, path === '' ? name : `${path}.${name}`, schema.required?.includes(name)),
  )
}

interface Manifest {
  readonly kind?: string
  readonly spec?: unknown
}

/** @returns for a kind and a field: the files that use it */
export function usesOfFields(directory: string): ReadonlyMap<string, readonly string[]> {
  const uses = new Map<string, string[]>()
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!file.endsWith('.yaml')) continue
    for (const document of parseAllDocuments(readFileSync(`${directory}/${file}`, 'utf8'))) {
      const { kind, spec } = (document.toJS() ?? {}) as Manifest
      const known = kind === undefined ? undefined : fieldsByKind()[kind]
      for (const { path } of known ?? [])
        if (has(spec, path.split('.')))
          uses.set(`${kind} ${path}`, [...new Set([...(uses.get(`${kind} ${path}`) ?? []), file])])
    }
  }
  return uses
}

function has(value: unknown, [first, ...rest]: readonly string[]): boolean {
  if (first === undefined) return value !== undefined
  if (typeof value !== 'object' || value === null) return false
  const inside = (value as Record<string, unknown>)[first.replace('[]', '')]
  if (first.endsWith('[]')) return Array.isArray(inside) && inside.some((one) => has(one, rest))
  return has(inside, rest)
}

export function renderFieldsPage(): string {
  const uses = usesOfFields('examples')
  const sections = Object.entries(fieldsByKind()).map(([kind, fields]) => [
    `## ${kind}`,
    '',
    '| Field | Values | Meaning | Example |',
    '|---|---|---|---|',
    ...fields.map(({ path, schema, required }) => {
      const files = uses.get(`${kind} ${path}`) ?? []
      const [example] = [...files.filter((file) => !file.startsWith('bad/')), ...files]
      const link = example === undefined ? '' : `[${example.replace(/\.yaml$/, '')}](../examples/${example})`
      const meaning = `${required ? '**Required.** ' : ''}${schema.description ?? ''}`
      return `| \`spec.${path}\` | ${cell(valuesOf(schema))} | ${cell(meaning)} | ${link} |`
    }),
    '',
  ])
  return [head, ...sections.flat()].join('\n')
}

function valuesOf({ type, enum: values, default: fallback, items }: Schema): string {
  if (values) return values.map((value) => (value === fallback ? `**${String(value)}**` : String(value))).join(', ')
  const name = type === 'array' ? `list of ${items?.type ?? 'any'}s` : type === 'object' ? 'names and values' : type
  return fallback === undefined ? String(name) : `${name}, default ${String(fallback)}`
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
