// Caches people of a directory, in Valkey or in memory. It never returns an entry over its age.
import { z } from '@nauthera/runtime/settings'
import type { Cache } from '../../store/cache/cache.ts'
import type { Person } from '../../store/people/user.ts'

export interface KeptPeople {
  /** @param read asks the directory; undefined when it does not have the person
   *  @throws what `read` throws, when nothing young enough is kept */
  get(key: string, read: () => Promise<Person | undefined>): Promise<Person | undefined>
  /** @param at when the directory was asked, epoch milliseconds */
  record(key: string, person: Person, at: number): Promise<void>
}

interface Needs {
  readonly cache: Cache
  /** Of the source: each keeps its own. */
  readonly source: string
  /** Milliseconds. */
  readonly maxAgeMs: number
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** After half of its age an entry is read again in the background, so that an outage finds entries with at least half of it left. */
export function createKeptPeople({ cache, source, maxAgeMs, now }: Needs): KeptPeople {
  const reading = new Map<string, Promise<Person | undefined>>()
  const nameOf = (key: string) => ({ purpose: 'person', id: `${source}:${key}` })

  const keep: KeptPeople['record'] = async (key, person, at) => {
    const left = maxAgeMs - (now() - at)
    // not kept for a person who is disabled or gone: once enabled they get in at once
    if (left > 0 && !person.disabled) await cache.set(nameOf(key), bytesOf({ person, at }), left)
  }

  const readAgain = async (key: string, read: () => Promise<Person | undefined>): Promise<Person | undefined> => {
    const at = now()
    const person = await read()
    if (person === undefined || person.disabled) await cache.set(nameOf(key), Buffer.of(), 1)
    else await keep(key, person, at)
    return person
  }

  /** However many ask for the same person, the directory is asked once. */
  const readOnce = (key: string, read: () => Promise<Person | undefined>): Promise<Person | undefined> => {
    const running = reading.get(key)
    if (running !== undefined) return running
    const begun = readAgain(key, read).finally(() => reading.delete(key))
    reading.set(key, begun)
    return begun
  }

  return {
    record: keep,
    async get(key, read) {
      const [bytes] = await cache.get([nameOf(key)])
      const kept = bytes && parse(bytes)
      const age = kept === undefined ? Infinity : now() - kept.at
      if (kept === undefined || age >= maxAgeMs) return readOnce(key, read)
      // when the directory does not answer, what is kept is good until its age
      if (age >= maxAgeMs / 2) void readOnce(key, read).catch(() => undefined)
      return kept.person
    },
  }
}

const maybe = z
  .string()
  .nullable()
  .transform((text) => text ?? undefined)

/** Strict: an entry of another release with another shape is a miss. */
const entrySchema = z.strictObject({
  at: z.number(),
  person: z.strictObject({
    username: z.string(),
    email: maybe,
    emailVerified: z.boolean(),
    name: maybe,
    locale: maybe,
    profile: z.record(z.string(), z.unknown()),
    disabled: z.literal(false),
    groups: z.array(z.string()),
  }),
})

const bytesOf = (entry: { person: Person; at: number }): Buffer =>
  Buffer.from(JSON.stringify(entry, (_name, value: unknown) => (value === undefined ? null : value)))

function parse(bytes: Uint8Array): { person: Person; at: number } | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(Buffer.from(bytes).toString())).data
  } catch {
    return undefined
  }
}
