type Dimensions = Readonly<Record<string, readonly unknown[]>>
type Case<D extends Dimensions> = { readonly [Name in keyof D]: D[Name][number] }

/** Cases in which every three values of three dimensions meet at least once: most faults need no more values than that to show.
 *  The same cases every time. */
export function casesOfTriples<const D extends Dimensions>(dimensions: D): readonly Case<D>[] {
  const names = Object.keys(dimensions)
  const sizes = names.map((name) => dimensions[name]!.length)
  const triples = triplesOf(names.length)
  const covered = new Set<string>()
  const keyOf = (triple: readonly number[], values: readonly number[]) =>
    triple.map((dimension) => `${dimension}=${values[dimension]}`).join(' ')
  const cases: (readonly number[])[] = []
  for (const triple of triples)
    for (const chosen of productOf(triple.map((dimension) => sizes[dimension]!))) {
      // what is left open goes round, so that new triples meet by the way
      const values = sizes.map((size, at) => chosen[triple.indexOf(at)] ?? (cases.length * (2 * at + 1) + at) % size)
      if (covered.has(keyOf(triple, values))) continue
      cases.push(values)
      for (const each of triples) covered.add(keyOf(each, values))
    }
  return cases.map(
    (values) => Object.fromEntries(names.map((name, at) => [name, dimensions[name]![values[at]!]])) as Case<D>,
  )
}

const triplesOf = (count: number): readonly (readonly number[])[] =>
  [...productOf([count, count, count])].filter(([a, b, c]) => a! < b! && b! < c!)

function productOf(sizes: readonly number[]): readonly (readonly number[])[] {
  return sizes.reduce<readonly (readonly number[])[]>(
    (all, size) => all.flatMap((one) => Array.from({ length: size }, (_, value) => [...one, value])),
    [[]],
  )
}
