// values.schema.json: shape and defaults from values.yaml, what a leaf may be from value-rules.ts, `settings` from the process that
// reads them. Draft-07, closed at every level but labels and what Kubernetes itself checks.
import type { ValuesSchema } from './schema.ts'
import { definitions, nullable, rules } from './value-rules.ts'
import { chartDirectory, isMap, readValues } from './values.ts'
import type { Value } from './values.ts'

/** @returns values.schema.json */
export function renderValuesSchema(): { path: string; content: string } {
  const { defaults, parameters } = readValues()
  const descriptions = new Map(parameters.map(({ path, description }) => [path, description]))
  const root: ValuesSchema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart nauthera',
    definitions,
    ...schemaOf(defaults, '', descriptions),
  }
  return { path: `${chartDirectory}/values.schema.json`, content: `${JSON.stringify(root, undefined, 2)}\n` }
}

function schemaOf(value: Value, path: string, descriptions: ReadonlyMap<string, string>): ValuesSchema {
  const description = descriptions.get(path)
  const described = (schema: ValuesSchema): ValuesSchema =>
    // Beside $ref nothing else counts in draft-07.
    description === undefined ? schema : schema.$ref ? { description, allOf: [schema] } : { description, ...schema }
  // A map with keys is described key by key, unless it is a value as a whole.
  const leaf = !isMap(value) || Object.keys(value).length === 0 || description !== undefined
  const rule = leaf ? rules.find(([expression]) => new RegExp(`^(${expression.source})$`).test(path)) : undefined
  if (rule) return described(rule[1])
  if (isMap(value)) {
    const keys = Object.keys(value)
    if (keys.length === 0) throw new Error(`${path}: an empty map needs a rule in scripts/chart/value-rules.ts`)
    const child = (key: string) => (path === '' ? key : `${path}.${key}`)
    return described({
      type: 'object',
      // A parent chart puts its own keys into `global`, and Helm itself into the values of a library.
      additionalProperties: path === 'global',
      required: keys.filter((key) => !nullable.test(child(key))),
      properties: Object.fromEntries(keys.map((key) => [key, schemaOf(value[key]!, child(key), descriptions)])),
    })
  }
  if (value === null || Array.isArray(value)) throw new Error(`${path}: needs a rule in scripts/chart/value-rules.ts`)
  return described({ type: typeof value === 'number' ? 'integer' : typeof value })
}
