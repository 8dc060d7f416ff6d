// Which tests are asked about a change to a file: those that reach it, the likeliest first.
import { dirname } from 'node:path'
import type { Imports } from '../house/imports.ts'
import type { Mutation } from './mutations.ts'
import type { Unreached } from './unreached.ts'

/** Integration tests start servers: of those so many are asked. */
const mostOfIntegration = 12
const mostOfFirst = 3

interface NearTests {
  /** Groups to run one after the other: the nearest first. */
  readonly units: readonly (readonly string[])[]
  readonly integration: readonly string[]
}

/** @param tests of all workspaces
 *  @param most of each kind, the nearest
 *  @returns those that reach the file by imports */
export function testsNear(file: string, tests: readonly string[], imports: Imports, most = Infinity): NearTests {
  const distances = distancesTo(file, imports)
  const reaching = tests
    .filter((test) => distances.has(test))
    .toSorted(
      (one, other) => likenessOf(other, file) - likenessOf(one, file) || distances.get(one)! - distances.get(other)!,
    )
  const isIntegration = (test: string) => test.includes('.integration.')
  const isOfProperties = (test: string) => test.includes('.properties.')
  // those that generate their cases take the longest
  const units = reaching
    .filter((test) => !isIntegration(test))
    .toSorted((one, other) => Number(isOfProperties(one)) - Number(isOfProperties(other)))
    .slice(0, most)
  return {
    units: [units.slice(0, mostOfFirst), units.slice(mostOfFirst)].filter((group) => group.length > 0),
    integration: reaching.filter(isIntegration).slice(0, most),
  }
}

/** Nearly all integration tests import nearly all of the server.
 *  @param integration what each test never gets to
 *  @returns some tests that get to the change, first those that get to the most of its file */
export function testsThatReach({ file, name }: Mutation, integration: ReadonlyMap<string, Unreached>): string[] {
  return [...integration]
    .flatMap(([test, unreached]) => {
      const names = unreached[file]
      return names === undefined || names.includes(name) ? [] : [{ test, missing: names.length }]
    })
    .toSorted((one, other) => one.missing - other.missing)
    .slice(0, mostOfIntegration)
    .map(({ test }) => test)
}

/** @returns each file that imports it, directly or through others, and through how many */
function distancesTo(file: string, imports: Imports): ReadonlyMap<string, number> {
  const distances = new Map([[file, 0]])
  // a Map goes on with what is added while it is walked
  for (const [name, distance] of distances)
    for (const [importer, names] of imports)
      if (names.includes(name) && !distances.has(importer)) distances.set(importer, distance + 1)
  return distances
}

/** How much of its path a test shares with a file, its name included. */
function likenessOf(test: string, file: string): number {
  const foldersOf = (path: string) =>
    dirname(path)
      .split('/')
      .filter((name) => name !== 'src' && name !== 'test')
  const others = foldersOf(file)
  const folders = foldersOf(test)
  const shared = others.findIndex((name, index) => folders[index] !== name)
  const stemOf = (path: string) => path.split('/').at(-1)!.split('.')[0]
  return (shared === -1 ? others.length : shared) + (stemOf(test) === stemOf(file) ? 2 : 0)
}
