import type { KubeObject } from '../objects.ts'
import { isRecord } from '../objects.ts'
import { badRequest } from '../refusals.ts'
import type { Filter } from '../store/store.ts'

/** `a=b,c!=d,e in (f,g),h notin (i),j,!k` over labels. */
export function parseLabelSelector(text: string | null): Filter {
  if (!text) return () => true
  const tests = splitTerms(text).map(parseLabelTerm)
  return ({ metadata }) => tests.every((test) => test(metadata.labels ?? {}))
}

/** `metadata.name=x,involvedObject.uid!=y`: any path of the object. */
export function parseFieldSelector(text: string | null): Filter {
  if (!text) return () => true
  const terms = text.split(',').map((term) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(term)
    if (!match) throw badRequest(`unable to parse field selector: ${term}`)
    const [, path = '', operator, value] = match
    return { path: path.split('.'), wanted: operator !== '!=', value: value! }
  })
  return (object) => terms.every(({ path, wanted, value }) => (readField(object, path) === value) === wanted)
}

function readField(object: KubeObject, path: readonly string[]): string {
  let at: unknown = object
  for (const key of path) at = isRecord(at) ? at[key] : undefined
  return typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean' ? String(at) : ''
}

/** Splits at commas that are not inside parentheses. */
const splitTerms = (text: string): string[] =>
  text
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter(Boolean)

function parseLabelTerm(term: string): (labels: Record<string, string>) => boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term)
  if (set) {
    const [, key = '', operator, list = ''] = set
    const values = new Set(list.split(',').map((value) => value.trim()))
    return (labels) => (key in labels && values.has(labels[key]!)) === (operator === 'in')
  }
  const equal = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term)
  if (equal) {
    const [, key = '', operator, value] = equal
    return (labels) => (labels[key] === value) === (operator !== '!=')
  }
  const exists = /^(!?)([^=!\s]+)$/.exec(term)
  if (!exists) throw badRequest(`unable to parse requirement: ${term}`)
  return (labels) => exists[2]! in labels === (exists[1] === '')
}
