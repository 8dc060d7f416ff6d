// Parses YAML files to objects that know the line of each field.
import { isJsonRecord } from '@nauthera/runtime/json'
import { isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, Node } from 'yaml'
import type { PluginTerminal } from '../terminal.ts'

/** A fault with file and line. */
export interface LocatedFault {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** Field, or empty when the file itself is at fault. */
  readonly path: string
  readonly message: string
}

export interface ReadObject {
  readonly file: string
  readonly object: Readonly<Record<string, unknown>>
  /** @param path such as `spec.redirectURIs[1]`
   *  @returns the line of the field, or of the nearest one above it that is there */
  readonly lineOf: (path: string) => number
}

/** @returns each object of a file with one or more documents, and the syntax faults */
function readDocuments(
  file: string,
  text: string,
): { readonly objects: readonly ReadObject[]; readonly faults: readonly LocatedFault[] } {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: true })
  const objects: ReadObject[] = []
  const faults: LocatedFault[] = []
  for (const document of Array.isArray(documents) ? documents : []) {
    const found = documentFaults(document)
    faults.push(...found.map((fault) => ({ file, path: '', ...fault })))
    if (found.length > 0) continue
    const lineOf = (path: string): number => lineOfPath(document, lines, path)
    const read = readObject(document)
    if (read.kind === 'fault') faults.push({ file, line: lineOf(''), path: '', message: read.message })
    if (read.kind === 'object') objects.push({ file, object: read.object, lineOf })
  }
  return { objects, faults }
}

/** What the parser says of one document. */
function documentFaults({ errors }: Document.Parsed): readonly Pick<LocatedFault, 'line' | 'message'>[] {
  // it reports each level that was too deep: one fault says enough
  if (errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION'))
    return [{ line: 1, message: 'is nested too deeply; no OIDCClient has so many levels' }]
  return errors.map(({ linePos, message }) => ({
    line: linePos?.[0].line ?? 1,
    message: message.split('\n')[0]!.replace(/ at line .*$/, ''),
  }))
}

type ReadValue =
  | { readonly kind: 'object'; readonly object: Readonly<Record<string, unknown>> }
  | { readonly kind: 'fault'; readonly message: string }
  /** Nothing but comments. */
  | { readonly kind: 'empty' }

/** The library throws for a document whose aliases expand to millions of values. */
function readObject(document: Document.Parsed): ReadValue {
  let value: unknown
  try {
    value = document.toJS()
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    return { kind: 'fault', message: 'has too many YAML aliases (*name); write the values out' }
  }
  if (value === null || value === undefined) return { kind: 'empty' }
  return isJsonRecord(value)
    ? { kind: 'object', object: value }
    : { kind: 'fault', message: 'must be a mapping with apiVersion, kind, metadata and spec' }
}

function lineOfPath(document: Document.Parsed, lines: LineCounter, path: string): number {
  let node = nodeOf(document.contents)
  let line = lineAt(lines, node)
  let rest = path.replaceAll(/\[(\d+)\]/g, '.$1')
  while (rest !== '') {
    const step = stepInto(node, rest)
    if (!step) break
    node = step.value
    line = step.line(lines)
    rest = step.rest
  }
  return line
}

interface Step {
  readonly value: Node | undefined
  readonly rest: string
  readonly line: (lines: LineCounter) => number
}

/** One key deeper. A key may hold dots itself, so the longest one that is there wins. */
function stepInto(node: Node | undefined, path: string): Step | undefined {
  if (isSeq(node)) {
    const [index = '', ...rest] = path.split('.')
    const item = nodeOf(node.items[Number(index)])
    return item && { value: item, rest: rest.join('.'), line: (lines) => lineAt(lines, item) }
  }
  if (!isMap(node)) return undefined
  const pairs = node.items
    .map((pair) => ({ key: isScalar(pair.key) ? String(pair.key.value) : '', pair }))
    .filter(({ key }) => path === key || path.startsWith(`${key}.`))
    .toSorted((left, right) => right.key.length - left.key.length)
  const [found] = pairs
  if (!found) return undefined
  const { key, pair } = found
  return {
    value: nodeOf(pair.value),
    rest: path.slice(key.length + 1),
    line: (lines) => lineAt(lines, nodeOf(pair.key)),
  }
}

const nodeOf = (value: unknown): Node | undefined => (isNode(value) ? value : undefined)

const lineAt = (lines: LineCounter, node: Node | undefined): number => lines.linePos(node?.range?.[0] ?? 0).line || 1

/** @param file a path, or `-` for standard input */
export function readYamlFile(file: string, { read }: Pick<PluginTerminal, 'read'>): ReturnType<typeof readDocuments> {
  let text: string
  try {
    text = read(file)
  } catch {
    return {
      objects: [],
      faults: [
        { file, line: 1, path: '', message: 'cannot be read; give the path of a YAML file, or - for standard input' },
      ],
    }
  }
  return readDocuments(file, text)
}

export const faultText = ({ file, line, path, message }: LocatedFault): string =>
  `${file === '-' ? '(stdin)' : file}:${line}: ${path === '' ? '' : `${path}: `}${message}`
