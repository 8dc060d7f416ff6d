// What a V8 CPU profile says: microseconds by function and by area of the code.
import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { basename } from 'node:path'

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
      readonly columnNumber: number
    }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** A function under its callers. Times are microseconds. */
export interface ProfileFrame {
  readonly name: string
  /** Such as server/src/oidc/keys/jwt.ts:12, node_modules/oidc-provider/lib/provider.js:5, node:http or (garbage collector). */
  readonly place: string
  readonly area: string
  self: number
  total: number
  readonly children: ProfileFrame[]
}

/** @returns the root, with the time in which the process was idle left out */
export function readProfile(file: string): ProfileFrame {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
  const own = new Map<number, number>()
  profile.samples.forEach((id, index) => own.set(id, (own.get(id) ?? 0) + profile.timeDeltas[index]!))
  const place = createPlaces()
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const build = (id: number): ProfileFrame => {
    const { callFrame, children = [] } = nodes.get(id)!
    const below = children.map(build).filter(({ name }) => name !== '(idle)')
    const self = callFrame.functionName === '(root)' ? 0 : (own.get(id) ?? 0)
    const where = place(callFrame)
    const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName
    const total = below.reduce((sum, frame) => sum + frame.total, self)
    return { name, place: where, area: areaOf(where), self, total, children: below }
  }
  return build(profile.nodes[0]!.id)
}

type CallFrame = CpuProfile['nodes'][number]['callFrame']

/** Bundles are one file: their source maps, beside them, say where a line came from. */
function createPlaces(): (frame: CallFrame) => string {
  const maps = new Map<string, SourceMap | undefined>()
  return ({ functionName, url, lineNumber, columnNumber }) => {
    if (url === '') return functionName.startsWith('(') && functionName !== '(anonymous)' ? functionName : '(native)'
    if (!url.startsWith('file:')) return url
    const { pathname } = new URL(url)
    if (!maps.has(pathname)) maps.set(pathname, readMap(pathname))
    const entry = maps.get(pathname)?.findEntry(lineNumber, columnNumber)
    if (entry && 'originalSource' in entry) return `${entry.originalSource}:${entry.originalLine + 1}`
    const inModules = pathname.lastIndexOf('/node_modules/')
    return `${inModules === -1 ? basename(pathname) : pathname.slice(inModules + 1)}:${lineNumber + 1}`
  }
}

function readMap(script: string): SourceMap | undefined {
  try {
    return new SourceMap(
      JSON.parse(readFileSync(`${script}.map`, 'utf8')) as ConstructorParameters<typeof SourceMap>[0],
    )
  } catch {
    return undefined
  }
}

/** @returns whose code it is: a package, a folder of ours, Node's own module, or what the engine does */
function areaOf(place: string): string {
  const [, dependency] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(place) ?? []
  if (dependency !== undefined) return dependency
  if (place.startsWith('(')) return place
  if (place.startsWith('node:')) return place.replace(/^(node:(?:internal\/)?[^/:]+).*$/, '$1')
  // no more than three folders: server/src/oidc/library/overrides is of server/src/oidc/library
  return /[a-z-]+\/src(?:\/[a-z-]+){0,2}(?=\/)/.exec(place)?.[0] ?? place.replace(/:\d+$/, '')
}

const isOurChoice = (area: string): boolean => !area.startsWith('(') && !area.startsWith('node:')

export interface ProfileShare {
  readonly name: string
  /** Of all the time that was not idle. */
  readonly self: number
  readonly total: number
}

/** @param keyOf what a frame counts for; `above` is what its caller counts for */
const sum = (root: ProfileFrame, keyOf: (frame: ProfileFrame, above: string | undefined) => string): ProfileShare[] => {
  const shares = new Map<string, { self: number; total: number }>()
  const walk = (frame: ProfileFrame, caller: string | undefined, above: ReadonlySet<string>) => {
    const key = keyOf(frame, caller)
    const share = shares.get(key) ?? { self: 0, total: 0 }
    share.self += frame.self / root.total
    // a function that calls itself is counted once
    if (!above.has(key)) share.total += frame.total / root.total
    shares.set(key, share)
    const below = above.has(key) ? above : new Set([...above, key])
    for (const child of frame.children) walk(child, key, below)
  }
  for (const child of root.children) walk(child, undefined, new Set())
  return [...shares].map(([name, share]) => ({ name, ...share }))
}

/** What Node and the engine do for a caller counts for the package or the folder that called. */
export const sharesOfAreas = (root: ProfileFrame): ProfileShare[] =>
  sum(root, ({ area }, above) =>
    isOurChoice(area) || area === '(garbage collector)' || above === undefined || !isOurChoice(above) ? area : above,
  )
const sharesOfFunctions = (root: ProfileFrame): ProfileShare[] => sum(root, ({ name, place }) => `${name}  ${place}`)

/** A table in text: the areas and the functions with most time of their own, and those of ours under which most is spent. */
export function describeProfile(root: ProfileFrame, most = 25): string {
  const percent = (share: number) => `${(share * 100).toFixed(1).padStart(5)} %`
  const lines = (shares: readonly ProfileShare[], by: 'self' | 'total') =>
    [...shares]
      .sort((a, b) => b[by] - a[by])
      .slice(0, most)
      .filter((share) => share[by] >= 0.003)
      .map(({ name, self, total }) => `${percent(self)} ${percent(total)}  ${name}`)
  const functions = sharesOfFunctions(root)
  const written = functions.filter(({ name }) => /\b(?:src|node_modules)\//.test(name))
  return [
    '   self    total  area, with what Node does for it',
    ...lines(sharesOfAreas(root), 'self'),
    '',
    '   self    total  function, by its own time',
    ...lines(functions, 'self'),
    '',
    '   self    total  function, by all that it calls',
    ...lines(written, 'total'),
    '',
  ].join('\n')
}
