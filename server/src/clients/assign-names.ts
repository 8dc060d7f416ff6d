// Assigns names to clients. Client ids and API identifiers share one namespace. A name stays with its present holder; a later client is
// served in its earlier version until the name is free.
import { byAge } from '@nauthera/rules/age'
import { keyOf } from './check-shard.ts'
import { namesOf } from './client-index.ts'
import type { ClientIndex } from './client-index.ts'
import type { RegisteredClient } from './registered-client.ts'
import type { LiveShard, Registry, WaitingClient } from './registry.ts'

/** @param shard replaces its predecessor
 *  @returns the clients by name, and the waiting ones, oldest first. In a complete set the holder keeps a name, and the oldest waiting
 *  client gets a free one. Before that only age decides, whatever the order of shards */
export function assignNames(current: Registry, shard: LiveShard): Pick<Registry, 'clients' | 'blocked'> {
  const holders = new Holders(current.clients)
  const others = current.blocked.filter(({ client }) => client.shard !== shard.ref.shard)
  const coming = replaceShard(current, shard, holders)
  const waiting = [...coming, ...others]
  const earlierOf: EarlierOf = (client) =>
    (client.shard === shard.ref.shard ? shard : current.shards.get(client.shard))?.earlier.get(client)
  const blocked = current.isWhole ? handOver(waiting, holders, earlierOf) : shareOut(waiting, holders, earlierOf)
  return { clients: holders.index(), blocked: blocked.toSorted(longestWaiting) }
}

interface Coming extends WaitingClient {
  /** The object, or its predecessor, has just freed one of the names. */
  readonly isSuccessor?: boolean
}

type EarlierOf = (client: RegisteredClient) => RegisteredClient | undefined

/** Frees the names of removed clients. @returns the clients that need new names */
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
      // otherwise it waits like the others
      const served = earlier && hadAll(namesOf(earlier)) ? holders.addIfFree(earlier) : undefined
      const kept = served ? namesOf(served) : []
      coming.push({ client, served, isSuccessor: had.some((name) => wants.includes(name) && !kept.includes(name)) })
    }
  }
  return coming
}

/** @returns the clients that still wait. Earlier versions that are not served yet get the remaining names */
function handOver(waiting: readonly Coming[], holders: Holders, earlierOf: EarlierOf): readonly WaitingClient[] {
  const asked = new Set(waiting.flatMap(({ client }) => namesOf(client)))
  const bySuccession = ({ isSuccessor = false }: Coming, other: Coming): number =>
    Number(other.isSuccessor ?? false) - Number(isSuccessor)
  let left: readonly Coming[] = waiting.toSorted((one, other) => bySuccession(one, other) || longestWaiting(one, other))
  for (;;) {
    // the oldest first; a freed name is offered to all again
    const stuck: Coming[] = []
    let isFreed = false
    for (const one of left) {
      if (isFreed || !holders.isFree(one)) stuck.push(one)
      else isFreed = holders.move(one).some((name) => asked.has(name))
    }
    const circle = isFreed ? [] : (firstOf(stuck, (one) => circleOf(one, stuck, holders)) ?? [])
    if (!isFreed && circle.length === 0)
      return stuck
        .toSorted(longestWaiting)
        .map(({ client, served }) => ({ client, served: served ?? holders.addIfFree(earlierOf(client)) }))
    for (const { served } of circle) if (served) holders.remove(served)
    for (const { client } of circle) holders.add(client)
    left = stuck.filter((one) => !circle.includes(one))
  }
}

/** @returns the client and all clients that must move with it; undefined when one cannot */
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

/** @returns the clients that get no names by age */
function shareOut(waiting: readonly WaitingClient[], holders: Holders, earlierOf: EarlierOf): readonly WaitingClient[] {
  for (const { served } of waiting) if (served) holders.remove(served)
  const rivals = new Set(waiting.flatMap(({ client }) => namesOf(client)).flatMap((name) => holders.of(name) ?? []))
  for (const rival of rivals) holders.remove(rival)
  const all = [...waiting.map(({ client }) => client), ...rivals].toSorted(byAge)
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

const longestWaiting = (one: WaitingClient, other: WaitingClient): number => byAge(one.client, other.client)

/** Collects changes of an index and applies them at once. */
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

  /** @returns whether all names of the client are free */
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

  /** Moves a client from its earlier version to the wanted one. @returns the freed names */
  move({ client, served }: WaitingClient): readonly string[] {
    if (served) this.remove(served)
    this.add(client)
    return served ? namesOf(served).filter((name) => this.of(name) === undefined) : []
  }

  index(): ClientIndex<RegisteredClient> {
    return this.#before.with(this.#left, this.#come)
  }
}
