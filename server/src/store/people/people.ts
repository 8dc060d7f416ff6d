// Finds people by the beginning of their user name, e-mail address, name or family name: each is a range of an index, and a page costs the
// same whether there are a hundred people or a hundred thousand. Whom a page has is found first, and what is shown of them read then:
// PostgreSQL plans a search anew each time, since a range may be of any size, and planning all columns takes longer than the search.
import { hasShape, parseJsonRecord } from '@nauthera/runtime/json'
import { canonicalName } from './canonical-name.ts'
import { statement } from '../driver/database.ts'
import type { Connection, Statement } from '../driver/database.ts'
import { groupsOf, isUuid, sourceOf, userOf } from './user.ts'
import type { User, UserRow } from './user.ts'

export interface People {
  /** @param query.text the beginning of a name in upper or lower case, or a whole id; '' finds everybody
   *  @param query.after the `next` of the page before; anything else begins with the first page
   *  @param query.limit of a page
   *  @returns each person once: those found by user name first, then by e-mail address, name and family name */
  search(query: { text: string; after?: string | undefined; limit: number }): Promise<PeoplePage>
}

export interface PeoplePage {
  readonly people: readonly User[]
  /** For the page after this one; undefined when this is the last. */
  readonly next: string | undefined
}

/** What a person can be found by, in this order: SQL of users u, as in the indexes. */
const found = [
  'u.canonical_username',
  'u.canonical_email',
  'lower(u.name)',
  String.raw`lower(substring(u.name FROM '(\S+)\s*$'))`,
].map((key) => `(${key}) COLLATE "C"`)

/** One for each way: $1 and $2 are key and id of the last person found, $3 the prefix, $4 what is beyond it, $5 the limit. */
const searches: readonly Statement<FoundRow>[] = found.map((key, way) => {
  const foundBefore = found.slice(0, way).map((other) => ` AND (${other} >= $3 AND ${other} < $4) IS NOT TRUE`)
  return statement<FoundRow>(
    `people-search-${way}`,
    `SELECT u.id, ${key} AS found_key FROM users u
     WHERE (${key}, u.id) > ($1, $2::uuid) AND ${key} >= $3 AND ${key} < $4${foundBefore.join('')}
     ORDER BY ${key}, u.id LIMIT $5`,
  )
})
const byIds = statement<UserRow>(
  'people-by-ids',
  `SELECT u.*, ${sourceOf}, ${groupsOf} FROM unnest($1::uuid[]) WITH ORDINALITY AS found (id, place) JOIN users u USING (id) ORDER BY place`,
)

interface FoundRow {
  readonly id: string
  readonly found_key: string
}

/** Where the next page begins. */
interface Place {
  readonly way: number
  readonly key: string
  readonly id: string
}

/** Characters: no name is longer. */
const longestText = 320
const firstId = '00000000-0000-0000-0000-000000000000'
/** Comes after every other character, in the order of bytes. */
const lastCharacter = '\u{10FFFF}'

export function createPeople({ database }: { database: Connection }): People {
  const read = async (ids: readonly string[]) =>
    ids.length === 0 ? [] : (await database.query(byIds, [ids])).map(userOf)
  const pageOf = async (rows: readonly FoundRow[], next: string | undefined): Promise<PeoplePage> => ({
    people: await read(rows.map(({ id }) => id)),
    next,
  })
  return {
    async search({ text, after, limit }) {
      const prefix = canonicalName(text.slice(0, longestText))
      if (isUuid(prefix)) return { people: await read([prefix]), next: undefined }
      const rows: FoundRow[] = []
      const from = parsePlace(after) ?? { way: 0, key: prefix, id: firstId }
      // whoever is found by a later way only comes after all who are found by an earlier one; '' finds everybody by user name
      const ways = prefix === '' ? 1 : searches.length
      for (let way = from.way; way < ways; way++) {
        const { key, id } = way === from.way ? from : { key: prefix, id: firstId }
        const wanted = limit + 1 - rows.length
        const values = [key, id, prefix, `${prefix}${lastCharacter}`, wanted]
        const more = await database.query(searches[way]!, values)
        rows.push(...more)
        if (rows.length > limit) {
          const page = rows.slice(0, limit)
          const isOfThisWay = more.length > 1
          const last = page.at(-1)!
          const next = isOfThisWay ? { way, key: last.found_key, id: last.id } : { way, key: prefix, id: firstId }
          return pageOf(page, placeText(next))
        }
      }
      return pageOf(rows, undefined)
    },
  }
}

const placeText = (place: Place): string => Buffer.from(JSON.stringify(place)).toString('base64url')

/** @returns undefined for anything that is not a place */
function parsePlace(text: string | undefined): Place | undefined {
  if (text === undefined || text.length > 2000) return undefined
  const place = parseJsonRecord(Buffer.from(text, 'base64url').toString('utf8'))
  if (!hasShape(place, { required: { way: 'number', key: 'string', id: 'string' } })) return undefined
  const { way, key, id } = place
  return way in searches && isUuid(id) ? { way, key: key.toWellFormed().replaceAll('\u0000', ''), id } : undefined
}
