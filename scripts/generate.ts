// npm run generate: writes every file that follows from another one. With --check it writes nothing and fails on a difference.
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { stringify } from 'yaml'
import { errorCatalogue as agentErrors } from '@nauthera/config-agent/errors'
import { settingsSchema as agentSettings } from '@nauthera/config-agent/settings'
import { clientDefinition, clusterDefinition, policyDefinition } from '@nauthera/operator/api/crds'
import { errorCatalogue as operatorErrors } from '@nauthera/operator/errors'
import { settingsSchema as operatorSettings } from '@nauthera/operator/settings'
import { refusalKinds } from '@nauthera/rules/refusals'
import { environmentName, z } from '@nauthera/runtime/settings'
import { errorCatalogue as serverErrors } from '@nauthera/server/errors'
import { settingsSchema as serverSettings } from '@nauthera/server/settings'
import { readExplained } from '../ci/bench/report/misses.ts'
import { renderMeasurements, reportFile } from '../ci/bench/report/page.ts'
import { readReport } from '../ci/bench/report/report.ts'
import { renderAlertsPage } from './alerts-page.ts'
import { renderAuditPage } from './audit-page.ts'
import { renderChartFiles } from './chart/generate.ts'
import { renderCliPage, renderPluginPage } from './cli-page.ts'
import { readCommandLine } from './command-line.ts'
import { renderFieldsPage } from './fields-page.ts'
import { renderIntegrationIndex } from './integrations.ts'
import { renderMetricsPage } from './metrics-page.ts'
import { renderDrawing } from './drawing.ts'
import { renderNotice } from './notice.ts'
import { idPages, readUses, renderIdPage } from './test-ids.ts'
import { renderPolicyRulesPage } from './policy-rules-page.ts'
import { renderTree } from './tree.ts'

/** A generated file: its path from the root, and what it must hold. */
interface Generated {
  readonly path: string
  readonly content: string
}

interface Leaf {
  path: string[]
  leaf: JsonSchema
  required: boolean
  within: string | undefined
}

interface JsonSchema {
  type?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  enum?: unknown[]
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  const?: string
  description?: string
  default?: unknown
  additionalProperties?: unknown
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function generateProto(): Generated[] {
  const directory = mkdtempSync('proto/.generate-')
  try {
    const bin = join(process.cwd(), 'node_modules/.bin')
    const run = spawnSync(join(bin, 'buf'), ['generate', '--output', relative('proto', directory)], {
      cwd: 'proto',
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    })
    if (run.status !== 0) throw new Error(`buf generate: ${run.stderr}${run.error ?? ''}`)
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => ({ path: join('proto', name), content: readFileSync(join(directory, name), 'utf8') }))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function renderSettings(): Generated {
  const parts: [string, z.ZodType][] = [
    ['server', serverSettings],
    ['config-agent', agentSettings],
    ['operator', operatorSettings],
  ]
  const sections = parts.map(([name, schema]) => {
    const rows = leavesOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema)
    return [
      `## ${name}`,
      '',
      '| Key | Type | Default | Meaning | Environment |',
      '|---|---|---|---|---|',
      ...rows.map(({ path, leaf, required, within }) => {
        const needed = within === undefined ? '**required**' : `required with ${code(within)}`
        const fallback = required ? needed : leaf.default === undefined ? '' : code(JSON.stringify(leaf.default))
        const meaning = cell(leaf.description ?? '')
        // what is inside a list has no variable of its own
        const variable = path.some((part) => part.endsWith('[]')) ? '' : code(environmentName(path))
        return `| ${code(path.join('.'))} | ${cell(typeOf(leaf))} | ${fallback} | ${meaning} | ${variable} |`
      }),
      '',
    ].join('\n')
  })
  const head = `# Settings

<!-- Written by "npm run generate" from each process's settings.ts. -->

Each process reads one YAML file: \`--settings FILE\`, else \`NAUTHERA_SETTINGS\`, else \`/etc/nauthera/<process>.yaml\`. An environment variable overrides
one key; its value is read as YAML unless the key is a string. A list may also be written with commas: \`ES256,RS256\`. Secrets are never settings: a key that ends in \`File\` or \`Directory\` names
where the secret is mounted. A process that finds faults prints every one of them with its key and exits with 2.

`
  return { path: 'docs/settings.md', content: `${head}${sections.join('\n')}` }
}

/** @param within the nearest optional parent that has no default: its keys are required only beside it */
function leavesOf(schema: JsonSchema, path: string[] = [], required = false, within?: string): Leaf[] {
  if (!schema.properties) return [{ path, leaf: schema, required, within }, ...leavesOfItems(schema, path)]
  const mandatory = new Set(schema.required ?? [])
  const optional = path.length > 0 && !required && schema.default === undefined
  const parent = optional ? path.join('.') : within
  return Object.entries(schema.properties).flatMap(([key, child]) =>
    leavesOf(child, [...path, key], mandatory.has(key), parent),
  )
}

/** The keys of the objects in a list: of the kind with the most keys, where there are several. */
function leavesOfItems({ items }: JsonSchema, path: string[]): Leaf[] {
  const kinds = items?.oneOf ?? items?.anyOf ?? [items]
  const keysOf = (kind: JsonSchema | undefined) => Object.keys(kind?.properties ?? {}).length
  const [kind] = kinds.toSorted((one, other) => keysOf(other) - keysOf(one))
  const name = `${path.at(-1)}[]`
  return kind?.properties ? leavesOf(kind, [...path.slice(0, -1), name], true) : []
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(', ')
  if (schema.const !== undefined) return code(schema.const)
  if (schema.oneOf) return [...new Set(schema.oneOf.map(typeOf))].join(' or ')
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  return schema.type ?? 'any'
}

const code = (text: string) => `\`${text.replaceAll('|', '\\|')}\``
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function renderErrors(): Generated {
  const catalogues = { server: serverErrors, 'config-agent': agentErrors, operator: operatorErrors }
  const sections = Object.entries(catalogues).map(([name, catalogue]) =>
    [
      `## ${name}`,
      '',
      '| Code | Meaning | Remedy |',
      '|---|---|---|',
      ...Object.entries(catalogue as Record<string, { meaning: string; remedy: string }>)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([errorCode, { meaning, remedy }]) => `| ${code(errorCode)} | ${cell(meaning)} | ${cell(remedy)} |`),
      '',
    ].join('\n'),
  )
  const refusals = [
    '## Refused requests of a client',
    '',
    'What `status.refusals` of an OIDCClient says of the last hour; the one that is worth a look first is in the column `REFUSED` of `kubectl get oidcclients -o wide`.',
    'Anybody can send a request in the name of a client: only `by: Client` was a program that had proved itself. So a hint says what to compare, and',
    'never what to allow. Counts are at least so many, and are renewed every five minutes. The detail has nothing of a person and no secret.',
    '',
    '| Code | Meaning | What to compare |',
    '|---|---|---|',
    ...Object.entries(refusalKinds).map(
      ([name, { meaning, hint }]) => `| ${code(name)} | ${cell(meaning)} | ${cell(hint)} |`,
    ),
    '',
  ].join('\n')
  const head = `# Error codes

<!-- Written by "npm run generate" from each process's errors.ts. -->

An error that somebody has to act on has a code. The code stands in the log, on the error page and in the conditions of an object; it is never used for
something else later. Errors of the protocol itself, such as \`invalid_grant\`, are those of the specifications.

`
  return { path: 'docs/errors.md', content: `${head}${[...sections, refusals].join('\n')}` }
}

function renderCrds(): Generated[] {
  return [clientDefinition, policyDefinition, clusterDefinition].map((crd) => ({
    path: `charts/nauthera/files/crds/${crd.spec.names.plural}.yaml`,
    // as YAML 1.1, whose words (on, no) Kubernetes reads as what they are not
    content: `# Generated by npm run generate from operator/src/api. Do not edit.\n${stringify(crd, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })}`,
  }))
}

function renderIdPages(): Generated[] {
  const uses = readUses()
  return Object.keys(idPages).map((path) => ({ path, content: renderIdPage(readOrEmpty(path), uses) }))
}

function renderIntegrations(): Generated {
  const path = 'docs/integrations/README.md'
  return { path, content: renderIntegrationIndex(readOrEmpty(path)) }
}

function renderDrawings(): Generated[] {
  const texts = globSync('docs/concepts/drawings/*.txt').sort()
  return texts.map((path) => ({
    path: path.replace(/txt$/, 'svg'),
    content: renderDrawing(readFileSync(path, 'utf8')),
  }))
}

const usage = `Usage: npm run generate [-- --check]

Writes the files that are made from others: the code of proto, the definitions, parts of the chart, and the generated pages of docs.

  --check   write nothing; fail when a file differs
`
const { values } = readCommandLine(usage, { check: { type: 'boolean', default: false } })
const files = [
  ...generateProto(),
  ...renderCrds(),
  ...renderChartFiles(),
  renderSettings(),
  renderErrors(),
  { path: 'docs/cli.md', content: renderCliPage() },
  { path: 'docs/plugin.md', content: renderPluginPage() },
  { path: 'docs/fields.md', content: renderFieldsPage() },
  { path: 'docs/policy-rules.md', content: renderPolicyRulesPage() },
  { path: 'docs/metrics.md', content: renderMetricsPage() },
  { path: 'docs/alerts.md', content: renderAlertsPage() },
  { path: 'docs/audit.md', content: renderAuditPage(readOrEmpty('docs/audit.md')) },
  renderTree(),
  { path: 'NOTICE', content: renderNotice() },
  ...renderIdPages(),
  renderIntegrations(),
  ...renderDrawings(),
  ...renderMeasurements(readReport(reportFile), readExplained()),
]
const stale = files.filter((file) => readOrEmpty(file.path) !== file.content)
for (const file of stale) {
  process.stdout.write(`${values.check ? 'differs' : 'wrote'} ${file.path}\n`)
  if (!values.check) writeFileSync(file.path, file.content)
}
if (!values.check) process.stdout.write(`${files.length} generated files, ${stale.length} changed\n`)
process.exit(values.check && stale.length > 0 ? 1 : 0)
