// Whether several kinds of work differ in the time that they take, on a machine that is busy with other things as well.

/** Milliseconds of processor time that this process has used, its threads included: what a hash costs, without what the neighbours of
 *  this machine take away. What only waits is not in it: `npm run bench -- people-times` compares the time on the clock. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

type Work = (round: number) => Promise<unknown>

export interface PairedTimes {
  readonly rounds: number
  /** Milliseconds by which a kind is slower than another in the middle round, for each pair (`a - b`). */
  readonly differences: Readonly<Record<string, number>>
  /** Milliseconds: the shortest of the kinds in the middle round. */
  readonly shortest: number
}

/** Enough for a quiet machine, and the most for a loud one. */
const rounds = { first: 40, more: 20, most: 400 }

/** Each round runs every kind once, in changing order: what slows the machine down meets all of them alike, and no kind is always the
 *  first. Kinds are compared within a round. There are more rounds until it is clear whether each pair differs by more than `withinMs`.
 *  @param options.rounds exactly so many, clear or not
 *  @param options.now milliseconds, of a clock or of the processor */
export async function compareTimes(
  kinds: Readonly<Record<string, Work>>,
  options: { withinMs: number; rounds?: number; now?: () => number },
): Promise<PairedTimes> {
  const { withinMs, now = () => performance.now() } = options
  const [first, most] = options.rounds === undefined ? [rounds.first, rounds.most] : [options.rounds, options.rounds]
  const names = Object.keys(kinds)
  const times: Record<string, number>[] = []
  const pairs = names.flatMap((one, index) => names.slice(index + 1).map((other) => [one, other] as const))
  const differencesOf = ([one, other]: readonly [string, string]) =>
    sorted(times.map((took) => took[one]! - took[other]!))
  const isClear = () => pairs.every((pair) => isDecided(differencesOf(pair), withinMs))
  for (let goal = first; goal <= most; goal += rounds.more) {
    while (times.length < goal) times.push(await runRound(kinds, orderOf(names, times.length), times.length, now))
    if (isClear()) break
  }
  return {
    rounds: times.length,
    differences: Object.fromEntries(pairs.map((pair) => [pair.join(' - '), middle(differencesOf(pair))])),
    shortest: Math.min(...names.map((name) => middle(sorted(times.map((took) => took[name]!))))),
  }
}

async function runRound(
  kinds: Readonly<Record<string, Work>>,
  order: readonly string[],
  round: number,
  now: () => number,
): Promise<Record<string, number>> {
  const took: Record<string, number> = {}
  for (const name of order) {
    const began = now()
    await kinds[name]!(round)
    took[name] = now() - began
  }
  return took
}

/** Each kind is first as often as the others, and follows each other one as often. */
function orderOf(names: readonly string[], round: number): readonly string[] {
  const from = round % names.length
  const turned = [...names.slice(from), ...names.slice(0, from)]
  return Math.floor(round / names.length) % 2 === 0 ? turned : turned.toReversed()
}

/** The true median lies between these two ranks in all but 3 of 1,000 cases, whatever the distribution: three standard deviations of
 *  the number of rounds that fall below it. */
function isDecided(differences: readonly number[], within: number): boolean {
  const spread = 1.5 * Math.sqrt(differences.length)
  const low = differences[Math.floor(differences.length / 2 - spread)]!
  const high = differences[Math.ceil(differences.length / 2 + spread)]!
  return (low >= -within && high <= within) || low > within || high < -within
}

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((one, other) => one - other)
const middle = (numbers: readonly number[]): number => numbers[Math.floor(numbers.length / 2)]!
