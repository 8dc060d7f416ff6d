import { isRecord, same } from '../objects.ts'
import { Refusal, badRequest } from '../refusals.ts'

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value)
  }
  return result
}

/** The strategic merge patch of built-in kinds, without the kinds' merge keys: for maps it is the merge patch, and the
 *  directives that kubectl adds for ordering say nothing here. */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  return mergePatch(target, withoutDirectives(patch))
}

function withoutDirectives(value: unknown): unknown {
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith('$'))
      .map(([key, child]) => [key, withoutDirectives(child)]),
  )
}

interface Operation {
  op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy'
  path: string
  from?: string
  value?: unknown
}

/** RFC 6902.
 *  @throws Refusal 422 when an operation does not fit the document */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw badRequest('a JSON patch is a list of operations')
  const root = { document: structuredClone(target) }
  for (const { op, path, from, value } of operations as Operation[]) {
    const at = locate(root, path)
    if (op === 'test') {
      if (!same(read(at), value)) throw unfit(`testing value ${path} failed: test failed`)
    } else if (op === 'remove') remove(at)
    else if (op === 'add') insert(at, value)
    else if (op === 'replace') {
      if (read(at) === undefined) throw unfit(`replace operation does not apply: doc is missing key: ${path}`)
      write(at, value)
    } else {
      const source = locate(root, from ?? '')
      const moved = structuredClone(read(source))
      if (op === 'move') remove(source)
      insert(locate(root, path), moved)
    }
  }
  return root.document
}

interface Place {
  holder: Record<string, unknown> | unknown[]
  key: string
}

const unfit = (message: string) => new Refusal(422, 'Invalid', `the server rejected our request: ${message}`)

function locate(root: { document: unknown }, pointer: string): Place {
  if (pointer === '') return { holder: root, key: 'document' }
  const keys = pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  let at: unknown = root.document
  for (const key of keys.slice(0, -1)) {
    at = Array.isArray(at) ? at[Number(key)] : isRecord(at) ? at[key] : undefined
  }
  if (!isRecord(at) && !Array.isArray(at)) throw unfit(`doc is missing path: ${pointer}`)
  return { holder: at, key: keys.at(-1)! }
}

const read = ({ holder, key }: Place): unknown => (Array.isArray(holder) ? holder[Number(key)] : holder[key])

function write({ holder, key }: Place, value: unknown): void {
  if (Array.isArray(holder)) holder[Number(key)] = value
  else holder[key] = value
}

function insert({ holder, key }: Place, value: unknown): void {
  if (Array.isArray(holder)) holder.splice(key === '-' ? holder.length : Number(key), 0, value)
  else holder[key] = value
}

function remove({ holder, key }: Place): void {
  if (read({ holder, key }) === undefined) throw unfit(`remove operation does not apply: doc is missing key: ${key}`)
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
}
