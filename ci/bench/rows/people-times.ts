import { Browser, authorizationUrl, formOf, pkce, send } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import { compareTimes } from '../../../server/test/paired-times.ts'
import type { PairedTimes } from '../../../server/test/paired-times.ts'
import { measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import type { BenchContext } from '../context.ts'

/** `npm test` takes as many as it needs to be sure, 40 at least. */
const rounds = 1_000
/** Milliseconds, and percent of the shortest. */
const most = { ms: 5, percent: 5 }

/** Whether the time of an answer tells who is known here: 1,000 rounds of each kind, one after the other within a round. */
export async function measurePeopleTimes({ say }: BenchContext): Promise<Measurement[]> {
  const mailbox = await startMailbox()
  const mail = { host: '127.0.0.1', port: mailbox.port, from: 'Login <login@example.com>', tls: 'off' }
  // the bench is the trusted proxy, so that each attempt can come from another address
  const replicas = await startReplicas({ settings: { mail, trustedProxies: ['127.0.0.1'] } })
  try {
    await replicas.serve([entry('app.web', configs.web)])
    const signIns = await compareSignIns(replicas)
    say(`sign-in: ${JSON.stringify(signIns)}`)
    const forgot = await compareForgot(replicas)
    say(`forgot: ${JSON.stringify(forgot)}`)
    return [...measured('sign-in', signIns), ...measured('forgot', forgot)]
  } finally {
    await replicas.stop()
    await mailbox.stop()
  }
}

/** Wrong passwords for accounts that nobody has, that are known, and that are locked. */
async function compareSignIns(replicas: ServerReplicas): Promise<PairedTimes> {
  const browser = new Browser(replicas)
  const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))
  const { action, fields } = formOf(page.body, '/sign-in')
  const cookie = cookiesOf(browser)
  const attempt = (username: string) =>
    post(replicas, { path: action, cookie, form: { ...fields, username, password: 'not the password at all' } })
  // eight attempts each: none of them becomes a locked account
  const known = Array.from({ length: Math.ceil(rounds / 8) }, (_, n) => `known-${n}`)
  for (const name of ['locked', ...known]) await addPerson(replicas, name)
  for (let n = 0; n < 12; n++) await attempt('locked')
  return compareTimes(
    {
      unknown: (round) => attempt(`unknown-${round}`),
      wrong: (round) => attempt(known[Math.floor(round / 8)]!),
      locked: () => attempt('locked'),
    },
    { withinMs: most.ms, rounds },
  )
}

async function compareForgot(replicas: ServerReplicas): Promise<PairedTimes> {
  const browser = new Browser(replicas)
  const { fields } = formOf((await browser.follow('/forgot')).body, '/forgot')
  const cookie = cookiesOf(browser)
  await addPerson(replicas, 'forgetful')
  const ask = (login: string) => post(replicas, { path: '/forgot', cookie, form: { ...fields, login } })
  return compareTimes(
    { unknown: (round) => ask(`unknown-${round}`), known: () => ask('forgetful') },
    { withinMs: most.ms, rounds },
  )
}

const cookiesOf = ({ jar }: Browser): string =>
  [...jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')

let addresses = 0

async function post(
  target: Target,
  { path, cookie, form }: { path: string; cookie: string; form: Record<string, string> },
): Promise<void> {
  const n = addresses++
  const address = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
  const headers = { accept: 'text/html', cookie, origin: new URL(target.issuer).origin, 'x-forwarded-for': address }
  const { status, body } = await send(target, { path, form, headers })
  if (status !== 303) throw new Error(`${path}: ${status} ${body.slice(0, 200)}`)
}

function measured(what: string, { differences, shortest }: PairedTimes): Measurement[] {
  return Object.entries(differences).flatMap(([pair, difference]) => {
    const name = `people-times.${what}.${pair.replace(' - ', '-')}`
    const value = Math.abs(difference)
    return [
      measurement({ name, value, unit: 'ms between medians', target: most.ms }),
      measurement({
        name: `${name}.share`,
        value: (value / shortest) * 100,
        unit: '% of the time',
        target: most.percent,
      }),
    ]
  })
}
