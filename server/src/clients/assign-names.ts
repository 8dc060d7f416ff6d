// Who has which name. Client ids and identifiers of APIs are one space of names. A name stays with whoever is served under it; who comes
// later is served in its earlier version until the name is free.
import { keyOf } from './check-shard.ts'
import { namesOf } from './client-index.ts'
import type { ClientIndex } from './client-index.ts'
import type { RegisteredClient } from './registered-client.ts'
import type { LiveShard, Registry, WaitingClient } from './registry.ts'

/** @param shard takes the place of its predecessor
 *  @returns the clients by their names, and those of which another one has a name, oldest first. While the set is whole who is served keeps
 *    the names; of those that wait the oldest has a free one. Before, nobody is served yet, so that age alone decides, in whatever order
 *    the shards come */
export function assignNames(current: Registry, shard: LiveShard): Pick<Registry, 'clients' | 'blocked'> {
  const holders = new Holders(current.clients)
  const others = current.blocked.filter(({ client }) => client.shard !== shard.ref.shard)
  const coming = replaceShard(current, shard, holders)
  const waiting = [...coming, ...others]
  const earlierOf: EarlierOf = (client) =>
    (client.shard === shard.ref.shard ? shard : current.shards.get(client.shard))?.earlier.get(client)
  const blocked = current.isWhole ? handOver(waiting, holders, earlierOf) : shareOut(waiting, holders, earlierOf)
  return { clients: holders.index(), blocked: blocked.toSorted(byAge) }
}

interface Coming extends WaitingClient {
  /** The object, or one before it, has just left one of the names that it lacks. */
  readonly isSuccessor?: boolean
}

type EarlierOf = (client: RegisteredClient) => RegisteredClient | undefined

/** Those that leave the shard give their names back. @returns those that need names which they do not have yet */
function replaceShard(current: Registry, shard: LiveShard, holders: Holders): readonly Coming[] {
  const { shard: index } = shard.ref
  const waitedBefore = current.blocked.filter(({ client }) => client.shard === index)
  const known = [...(current.shards.get(index)?.clients ?? []), ...waitedBefore.flatMap(({ served }) => served ?? [])]
  const next = new Set(shard.clients)
  const left = new Map(known.filter((one) => holders.has(one) && !next.has(one)).map((one) => [keyOf(one), one]))
  for (const client of left.values()) holders.remove(client)
  const coming: Coming[] = []
  for (const client of shard.clients) {
    if (holders.has(client)) continue
    const before = left.get(keyOf(client))
    const [had, wants] = [before ? namesOf(before) : [], namesOf(client)]
    const hadAll = (names: readonly string[]) => names.every((name) => had.includes(name))
    if (hadAll(wants)) holders.add(client)
    else {
      const earlier = shard.earlier.get(client)
      // else it is no more than one of those that wait
      const served = earlier && hadAll(namesOf(earlier)) ? holders.addIfFree(earlier) : undefined
      const kept = served ? namesOf(served) : []
      coming.push({ client, served, isSuccessor: had.some((name) => wants.includes(name) && !kept.includes(name)) })
    }
  }
  return coming
}

/** @returns those that still wait. Earlier versions of which nothing is served yet get the names that are left */
function handOver(waiting: readonly Coming[], holders: Holders, earlierOf: EarlierOf): readonly WaitingClient[] {
  const asked = new Set(waiting.flatMap(({ client }) => namesOf(client)))
  const bySuccession = ({ isSuccessor = false }: Coming, other: Coming): number =>
    Number(other.isSuccessor ?? false) - Number(isSuccessor)
  let left: readonly Coming[] = waiting.toSorted((one, other) => bySuccession(one, other) || byAge(one, other))
  for (;;) {
    // the oldest first; what one gives back is offered to all anew
    const stuck: Coming[] = []
    let isFreed = false
    for (const one of left) {
      if (isFreed || !holders.isFree(one)) stuck.push(one)
      else isFreed = holders.move(one).some((name) => asked.has(name))
    }
    const circle = isFreed ? [] : (firstOf(stuck, (one) => circleOf(one, stuck, holders)) ?? [])
    if (!isFreed && circle.length === 0)
      return stuck
        .toSorted(byAge)
        .map(({ client, served }) => ({ client, served: served ?? holders.addIfFree(earlierOf(client)) }))
    for (const { served } of circle) if (served) holders.remove(served)
    for (const { client } of circle) holders.add(client)
    left = stuck.filter((one) => !circle.includes(one))
  }
}

/** @returns the client with all that have to move so that it can; undefined when one of them cannot */
function circleOf(first: Coming, waiting: readonly Coming[], holders: Holders): Coming[] | undefined {
  const moving = new Set([first])
  const taken = new Map<string, Coming>()
  for (const one of moving) {
    for (const name of namesOf(one.client)) {
      if (taken.has(name)) return undefined
      taken.set(name, one)
      const holder = holders.of(name)
      if (holder === undefined || holder === one.served) continue
      const next = waiting.find(({ served }) => served === holder)
      if (!next) return undefined
      moving.add(next)
    }
  }
  return [...moving]
}

/** @returns those that age gives no names */
function shareOut(waiting: readonly WaitingClient[], holders: Holders, earlierOf: EarlierOf): readonly WaitingClient[] {
  for (const { served } of waiting) if (served) holders.remove(served)
  const rivals = new Set(waiting.flatMap(({ client }) => namesOf(client)).flatMap((name) => holders.of(name) ?? []))
  for (const rival of rivals) holders.remove(rival)
  const all = [...waiting.map(({ client }) => client), ...rivals].toSorted((one, other) => isOlder(one, other))
  const refused = all.filter((client) => holders.addIfFree(client) === undefined)
  return refused.map((client) => ({ client, served: holders.addIfFree(earlierOf(client)) }))
}

function firstOf<One, Found>(all: readonly One[], find: (one: One) => Found | undefined): Found | undefined {
  for (const one of all) {
    const found = find(one)
    if (found !== undefined) return found
  }
  return undefined
}

/** Older first; of two of one moment the UID decides, the same on every replica. */
const isOlder = (left: RegisteredClient, right: RegisteredClient): number =>
  left.createdAt - right.createdAt || (left.uid < right.uid ? -1 : 1)

const byAge = (left: WaitingClient, right: WaitingClient): number => isOlder(left.client, right.client)

/** What an index becomes: changes are collected, and made at once. */
class Holders {
  readonly #before: ClientIndex<RegisteredClient>
  readonly #names = new Map<string, RegisteredClient | undefined>()
  readonly #left = new Set<RegisteredClient>()
  readonly #come = new Set<RegisteredClient>()

  constructor(before: ClientIndex<RegisteredClient>) {
    this.#before = before
  }

  of(name: string): RegisteredClient | undefined {
    return this.#names.has(name) ? this.#names.get(name) : this.#before.holder(name)
  }

  has(client: RegisteredClient): boolean {
    return this.of(client.clientId) === client
  }

  /** @returns whether nobody else has a name that the client asks for */
  isFree({ client, served }: WaitingClient): boolean {
    return namesOf(client).every((name) => [undefined, served].includes(this.of(name)))
  }

  add(client: RegisteredClient): void {
    for (const name of namesOf(client)) this.#names.set(name, client)
    if (!this.#left.delete(client)) this.#come.add(client)
  }

  addIfFree(client: RegisteredClient | undefined): RegisteredClient | undefined {
    if (!client || !this.isFree({ client, served: undefined })) return undefined
    this.add(client)
    return client
  }

  remove(client: RegisteredClient): void {
    for (const name of namesOf(client)) this.#names.set(name, undefined)
    if (!this.#come.delete(client)) this.#left.add(client)
  }

  /** From its earlier version to the one that it asks for. @returns the names that it gives back */
  move({ client, served }: WaitingClient): readonly string[] {
    if (served) this.remove(served)
    this.add(client)
    return served ? namesOf(served).filter((name) => this.of(name) === undefined) : []
  }

  index(): ClientIndex<RegisteredClient> {
    return this.#before.with(this.#left, this.#come)
  }
}
