import { dirname, join } from 'node:path'

/** Who imports whom: a file, or an entry of a folder -> those that it imports, imports of types included. */
export type Imports = ReadonlyMap<string, readonly string[]>

/** @param sources path of each file from the root -> its text */
export function readImports(sources: ReadonlyMap<string, string>): Imports {
  return new Map([...sources].map(([file, text]) => [file, importsOf(file, text).filter((name) => sources.has(name))]))
}

/** @returns the text without its imports of types: what is left is loaded when the program runs */
export const withoutTypes = (text: string): string => text.replace(/^(import|export) type [^']*? from '[^']+'$/gm, '')

/** @returns the files of the longest way along imports that lead back to none of them */
export function longestChain(imports: Imports): readonly string[] {
  const chains = new Map<string, readonly string[]>()
  const longest = (one: readonly string[], other: readonly string[]) => (other.length > one.length ? other : one)
  const chainFrom = (file: string): readonly string[] => {
    const known = chains.get(file)
    if (known) return known
    chains.set(file, [])
    const chain = [file, ...(imports.get(file) ?? []).map(chainFrom).reduce(longest, [])]
    chains.set(file, chain)
    return chain
  }
  return [...imports.keys()].map(chainFrom).reduce(longest, [])
}

function importsOf(file: string, text: string): string[] {
  const named = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name = '']) => {
    const [, workspace, path] = /^@nauthera\/([^/]+)\/(.+)$/.exec(name) ?? []
    return workspace ? `${workspace}/src/${path}.ts` : join(dirname(file), name)
  })
  return [...new Set(named)].filter((name) => name !== file)
}

/** The entries of a folder (each folder in it is one entry), and which of them imports which. */
export function entriesOf(folder: string, imports: Imports): Imports {
  const entries = new Map<string, string[]>()
  const entryOf = (file: string) =>
    file
      .split('/')
      .slice(0, folder.split('/').length + 1)
      .join('/')
  for (const [file, names] of imports) {
    if (!file.startsWith(`${folder}/`)) continue
    const entry = entryOf(file)
    const others = names.filter((name) => name.startsWith(`${folder}/`)).map(entryOf)
    const known = entries.get(entry) ?? []
    entries.set(
      entry,
      [...new Set([...known, ...others])].filter((name) => name !== entry),
    )
  }
  return entries
}

/** @returns groups, each of whose members leads back to itself through the others */
export function findCircles(imports: Imports): string[][] {
  const names = [...imports.keys()]
  const reached = new Map(names.map((name) => [name, reachableFrom(name, imports)]))
  const circles = names.map((name) => names.filter((other) => meet(reached, name, other)))
  return circles.filter((circle, index) => circle.length > 1 && circle[0] === names[index])
}

const meet = (reached: ReadonlyMap<string, ReadonlySet<string>>, one: string, other: string): boolean =>
  reached.get(one)!.has(other) && reached.get(other)!.has(one)

function reachableFrom(start: string, imports: Imports): Set<string> {
  const reached = new Set<string>()
  const open = [...(imports.get(start) ?? [])]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue
    reached.add(next)
    open.push(...(imports.get(next) ?? []))
  }
  return reached
}
