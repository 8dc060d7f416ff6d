// Limits outgoing requests that anybody can cause: for a client's document, keys or logo. Each limit counts by requester, so that one
// requester cannot use up the share of others.
import { addNewest } from '@nauthera/runtime/add-newest'
import { createMinuteCounts } from '../../minute-counts.ts'
import { addressBlock, widerBlockPrefix } from '../../store/audit/address-block.ts'

/** Requests at a time, in all and at one host; and how often as much as an address one may begin within a minute. */
interface Share {
  readonly atOnce: number
  readonly atOnceAtHost: number
  readonly timesPerMinute: number
}

/** Of an address (of IPv6 its /64), and of the /48 around it, which one customer of a network may have. */
const ofAddress: Share = { atOnce: 16, atOnceAtHost: 4, timesPerMinute: 1 }
const ofWiderBlock: Share = { atOnce: 32, atOnceAtHost: 12, timesPerMinute: 3 }
/** Where addresses are unknown: of everybody together. */
const ofEverybody: Share = { atOnce: 64, atOnceAtHost: 4, timesPerMinute: 1 }
/** Of everybody at a time, so that no number of addresses takes the memory of this process. */
const mostAtOnce = 256
/** Outcomes that are remembered. Without one, it is asked again; nobody is refused. */
const mostRemembered = 10_000
const minute = 60_000

export type HostAnswer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** Too much is being asked for this asker. Not remembered: it may have its turn at the next request. */
  | { readonly kind: 'no-turn' }

export interface Asking<T> {
  /** Runs `work`, once for all who want the same at a time. For the same asker what failed is not tried again within a minute.
   *  @param about.of what is asked for, such as an address
   *  @param about.host of which an asker has a share: default: no share is needed, as nobody can ask for much at once */
  request(about: { of: string; host?: string }, work: () => Promise<T>): Promise<HostAnswer<T>>
  /** The network of who asks now. */
  network(): string
}

/** @param needs.asker the address of who asks now; undefined where addresses are unknown
 *  @param needs.isFailure whether a value says that nobody answered, where that is a value: another asker then tries for itself
 *  @param needs.perMinute requests of one address that begin at one host, where strangers can invent what they ask for
 *  @param needs.remembers which outcomes stand for a minute; default: failures
 *  @param needs.now milliseconds, monotonic */
export function createAsking<T>(needs: {
  asker: () => string | undefined
  now: () => number
  perMinute?: number
  remembers?: 'failed' | 'answered'
  isFailure?: (value: T) => boolean
}): Asking<T> {
  const { now, perMinute = Infinity, remembers = 'failed', isFailure = () => false } = needs
  const turns = createTurns(now, perMinute)
  const outcomes = new Map<string, { readonly at: number; readonly asked: HostAnswer<T> }>()
  const running = new Map<string, { readonly by: string; readonly asked: Promise<HostAnswer<T>> }>()

  const remembered = (key: string): HostAnswer<T> | undefined => {
    const known = outcomes.get(key)
    return known !== undefined && now() - known.at < minute ? known.asked : undefined
  }
  const run = async (key: string, work: () => Promise<T>): Promise<HostAnswer<T>> => {
    const asked = await work().then(
      (value): HostAnswer<T> => ({ kind: 'answered', value }),
      (error: unknown): HostAnswer<T> => ({ kind: 'failed', error }),
    )
    outcomes.delete(key)
    if (asked.kind === remembers) addNewest(outcomes, key, { at: now(), asked }, mostRemembered)
    return asked
  }

  return {
    network: () => sharesOf(needs.asker()).at(-1)!.of,
    async request({ of, host }, work) {
      const shares = sharesOf(needs.asker())
      const by = shares[0]!.of
      const key = `${by} ${of}`
      for (let hasWaited = false; ; hasWaited = true) {
        const before = remembered(key)
        if (before !== undefined) return before
        const going = running.get(of)
        if (going === undefined || (going.by !== by && hasWaited)) break
        const asked = await going.asked
        // another asker's try is not this one's: it may have been of a moment when nobody answered
        const isAnswered = asked.kind === 'answered' && !isFailure(asked.value)
        if (isAnswered || going.by === by) return asked
      }
      const end = host === undefined ? () => undefined : turns.begin(host, shares)
      if (end === undefined) return { kind: 'no-turn' }
      const one = { by, asked: run(key, work) }
      running.set(of, one)
      return one.asked.finally(() => {
        if (running.get(of) === one) running.delete(of)
        end()
      })
    },
  }
}

interface ShareOf extends Share {
  readonly of: string
}

/** @returns the narrowest first */
function sharesOf(address: string | undefined): readonly ShareOf[] {
  if (address === undefined) return [{ of: '?', ...ofEverybody }]
  const wider = widerBlockPrefix(address)
  const own = { of: addressBlock(address), ...ofAddress }
  return wider === undefined ? [own] : [own, { of: wider, ...ofWiderBlock }]
}

/** Who may ask now. */
function createTurns(now: () => number, perMinute: number) {
  const going = new Map<string, number>()
  const begun = createMinuteCounts(now)
  let all = 0
  return {
    /** @returns what to call at the end; undefined when it is not its turn */
    begin(host: string, shares: readonly ShareOf[]): (() => void) | undefined {
      const hasRoom = shares.every(
        ({ of, atOnce, atOnceAtHost, timesPerMinute }) =>
          (going.get(of) ?? 0) < atOnce &&
          (going.get(`${of} ${host}`) ?? 0) < atOnceAtHost &&
          begun.countOf(`${of} ${host}`) < timesPerMinute * perMinute,
      )
      if (!hasRoom || all >= mostAtOnce) return undefined
      for (const { of } of shares) begun.add(`${of} ${host}`)
      const keys = shares.flatMap(({ of }) => [of, `${of} ${host}`])
      const add = (by: number) => {
        all += by
        for (const key of keys) {
          const count = (going.get(key) ?? 0) + by
          if (count === 0) going.delete(key)
          else going.set(key, count)
        }
      }
      add(1)
      return () => add(-1)
    },
  }
}

/** Where there is no room for all, nobody's take the room of others.
 *  @returns the key of the oldest of what the one has who has the most */
export function oldestOfMost<T>(kept: ReadonlyMap<string, T>, ownerOf: (one: T) => string): string {
  const byOwner = [...Map.groupBy(kept, ([, one]) => ownerOf(one)).values()]
  const most = byOwner.reduce((some, other) => (other.length > some.length ? other : some))
  return most[0]![0]
}
