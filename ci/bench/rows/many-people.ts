import type { Browser } from '@nauthera/harness/browser'
import { fetchCode, redeem } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { createPeople } from '@nauthera/server/store/people/people'
import { statement } from '@nauthera/server/store/driver/database'
import { signInMember } from '../../../server/test/admin/members.ts'
import { measurement, quantile } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import type { BenchContext } from '../context.ts'

const people = { few: 100, many: 100_000 }
const groups = 200
const rounds = 30
/** So many are made by one statement: the server's own statements have a time limit. */
const step = 2_000
const fill = statement(
  'bench-fill-people',
  `WITH made AS (INSERT INTO users (id, username, canonical_username, email, canonical_email, name)
   SELECT gen_random_uuid(), 'user' || n, 'user' || n, 'mail' || n || '@example.test', 'mail' || n || '@example.test',
     'First' || n || ' Last' || n FROM generate_series($1::integer, $2::integer) n RETURNING id, username)
 INSERT INTO group_members (user_id, group_id) SELECT made.id, g.id FROM made, groups g
   WHERE g.name = 'group-' || (hashtext(made.username) & 127) OR g.name = 'group-' || (128 + (hashtext(made.username) & 63))`,
)
const analyze = statement('bench-analyze-people', 'ANALYZE users, groups, group_members')

interface Place {
  readonly replicas: ServerReplicas
  /** At the help desk. */
  readonly desk: Browser
}

/** A server with a hundred people beside one with a hundred thousand, each with 200 groups, and one person who is in all of them. */
export async function measureManyPeople({ say }: BenchContext): Promise<Measurement[]> {
  const [few, many] = [await startPlace(people.few), await startPlace(people.many)]
  say(`${people.few} and ${people.many} people are there`)
  try {
    const measured: Measurement[] = []
    for (const [name, work] of Object.entries(works)) {
      const times: Record<'few' | 'many', number[]> = { few: [], many: [] }
      for (let round = -10; round < rounds; round++) {
        // what slows the machine down meets both
        const order = [['few', few] as const, ['many', many] as const]
        for (const [size, place] of round % 2 === 0 ? order : order.toReversed()) {
          const begun = performance.now()
          await work(place, round)
          if (round >= 0) times[size].push(performance.now() - begun)
        }
      }
      const [small, large] = [quantile(times.few, 0.5), quantile(times.many, 0.5)]
      say(`${name}: ${small.toFixed(2)} and ${large.toFixed(2)} ms`)
      const unit = `of the time with ${people.few}`
      measured.push(
        measurement({ name: `many-people.${name}`, value: large / small, unit, target: targets[name] ?? null }),
      )
    }
    return measured
  } finally {
    await few.replicas.stop()
    await many.replicas.stop()
  }
}

const pageOf = async ({ desk }: Place, path: string) => {
  const { status } = await desk.open(path)
  if (status !== 200) throw new Error(`${path}: ${status}`)
}

const works: Readonly<Record<string, (place: Place, round: number) => Promise<unknown>>> = {
  'sign-in': async ({ replicas }) => redeem(replicas, await fetchCode(replicas, { username: 'everywhere' })),
  'help-desk.list': (place) => pageOf(place, '/admin'),
  // one person here and there
  'help-desk.search-one': (place, round) => {
    const n = 1 + (Math.abs(round) % people.few)
    return pageOf(place, `/admin?q=first${n}+last${n}`)
  },
  // more than a page here and there: by the family name, the last of the ways in which people are found
  'help-desk.search-page': (place) => pageOf(place, '/admin?q=last'),
  'command-line.search': ({ replicas }) => createPeople(replicas.apps[0]!.store).search({ text: 'mail', limit: 20 }),
  // the first two pages of all
  'command-line.list': async ({ replicas }) => {
    const people = createPeople(replicas.apps[0]!.store)
    const { next } = await people.search({ text: '', limit: 50 })
    await people.search({ text: '', after: next, limit: 50 })
  },
  // the groups are as many, their members are not: it counts them
  'command-line.groups': ({ replicas }) => replicas.apps[0]!.store.groups.list(),
}
const targets: Readonly<Record<string, number>> = {
  'sign-in': 1.2,
  'help-desk.list': 1.2,
  'help-desk.search-one': 1.2,
  'help-desk.search-page': 1.2,
  'command-line.search': 1.2,
  'command-line.list': 1.2,
}

async function startPlace(count: number): Promise<Place> {
  const replicas = await startReplicas({ settings: { admin: { group: 'desk' } } })
  await replicas.serve([entry('app.web', configs.web)])
  await addPerson(replicas, 'agent', ['desk'])
  await addPerson(
    replicas,
    'everywhere',
    Array.from({ length: groups }, (_, n) => `group-${n}`),
  )
  const { database } = replicas.apps[0]!.store
  for (let from = 1; from <= count; from += step) await database.query(fill, [from, Math.min(from + step - 1, count)])
  await database.query(analyze)
  return { replicas, desk: await signInMember(replicas, 'agent') }
}
