// What `kubectl get` prints: the server makes the cells, kubectl only aligns them.
import type { KubeObject } from '../objects.ts'
import { isRecord } from '../objects.ts'
import type { Resource } from '../store/resources.ts'

/** Source: meta.k8s.io/v1 Table. */
export function renderTable(
  resource: Resource,
  items: readonly KubeObject[],
  metadata: object,
): Record<string, unknown> {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: [
      {
        name: 'Name',
        type: 'string',
        format: 'name',
        description: 'Name must be unique within a namespace.',
        priority: 0,
      },
      ...resource.columns.map(({ name, type, description, priority }) => ({
        name,
        type,
        format: '',
        description,
        priority,
      })),
    ],
    rows: items.map((object) => ({ cells: cellsOf(resource, object), object: metadataOnly(object) })),
  }
}

const metadataOnly = ({ metadata }: KubeObject): Record<string, unknown> => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
})

function cellsOf(resource: Resource, object: KubeObject): unknown[] {
  const cells = resource.columns.map(({ value, type }) => {
    const raw = typeof value === 'function' ? value(object) : readJsonPath(object, value.path)
    if (type === 'date') return typeof raw === 'string' ? printAge(Date.now() - Date.parse(raw)) : '<unknown>'
    if (raw === undefined || raw === null) return type === 'integer' || type === 'number' ? null : ''
    return type === 'integer' || type === 'number' || type === 'boolean' ? raw : printValue(raw)
  })
  return [object.metadata.name, ...cells]
}

const printValue = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** The JSONPath of printer columns: `.a.b`, `['a']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`. Several results: the first, as the
 *  API server prints for a column. */
function readJsonPath(root: unknown, path: string): unknown {
  let found: unknown[] = [root]
  const tokens = path.matchAll(
    /\.([\w-]+(?:\\\.[\w-]+)*)|\['([^']+)'\]|\[(\d+|\*)\]|\[\?\(@\.([\w.]+)\s*==\s*["']([^"']*)["']\)\]/g,
  )
  for (const [, dotted, quoted, index, filterPath, filterValue] of tokens) {
    found = found.flatMap((at): unknown[] => {
      const key = quoted ?? dotted?.replaceAll('\\.', '.')
      if (key !== undefined) return isRecord(at) && key in at ? [at[key]] : []
      if (!Array.isArray(at)) return []
      if (index === '*') return at as unknown[]
      if (index !== undefined) return Number(index) < at.length ? [at[Number(index)]] : []
      return at.filter((item) => readJsonPath(item, `.${filterPath}`) === filterValue)
    })
  }
  return found[0]
}

/** As kubectl prints an age: 5s, 3m12s, 4h, 12d. Source: k8s.io/apimachinery duration.HumanDuration. */
function printAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (seconds < 120) return `${seconds}s`
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`
  if (minutes < 180) return `${minutes}m`
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`
  if (hours < 48) return `${hours}h`
  return `${Math.floor(hours / 24)}d`
}
