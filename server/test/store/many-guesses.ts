/** Guesses so often, so many at once, as somebody who never stops.
 *  @param guess the n-th one
 *  @returns how often each kind of answer came */
export async function manyGuesses(
  times: { count: number; atOnce: number },
  guess: (n: number) => Promise<{ readonly kind: string }>,
): Promise<Record<string, number>> {
  const kinds: Record<string, number> = {}
  let next = 0
  const goOn = async (): Promise<void> => {
    while (next < times.count) {
      const { kind } = await guess(next++)
      kinds[kind] = (kinds[kind] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: times.atOnce }, goOn))
  return kinds
}
