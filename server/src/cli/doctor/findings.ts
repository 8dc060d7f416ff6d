// Checks of `nauthera doctor`: database, sources, mail, keys, proxies. Each returns findings; none throws.
import { describeError } from '@nauthera/runtime/log'
import { clockTolerance } from '../../clock-age.ts'
import { serverMetrics } from '../../metrics.ts'
import { createSmtp } from '../../mail/smtp.ts'
import { readKeyFile } from '../../oidc/keys/key-file.ts'
import { statesOf } from '../../oidc/keys/key-set.ts'
import type { FileKey } from '../../oidc/keys/parse-key-file.ts'
import { keyPolicy } from '../../oidc/lifetimes.ts'
import type { ServerSettings } from '../../settings.ts'
import { clockFault, readAhead } from '../../store/clock.ts'
import { cacheConnection } from '../../store/cache/cache-connection.ts'
import type { DatabaseConnection } from '../../store/driver/address.ts'
import { defaultIsolation } from '../../store/driver/isolation.ts'
import { loadKeyRing } from '../../store/driver/envelope.ts'
import { createFactors } from '../../store/factors/factors.ts'
import { probeDirectory } from '../../users/ldap/probe.ts'
import type { ServerProbe } from '../../users/ldap/probe.ts'
import { createKeys, isCut } from '../../store/tokens/keys.ts'
import { migrationStatus } from '../../store/migrate.ts'
import { createRedisCache } from '../../store/cache/redis-cache.ts'
import { connectionOf, settingsOf, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { requestAddress } from './request-address.ts'

export interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'fault'
  readonly says: string
}

/** Milliseconds. */
const patience = 5000
const day = 86_400_000
const renewalDays = 14

const ok = (check: string, says: string): Finding => ({ check, state: 'ok', says })
const warning = (check: string, says: string): Finding => ({ check, state: 'warning', says })
const fault = (check: string, says: string): Finding => ({ check, state: 'fault', says })

/** Checks that PostgreSQL answers and has the tables of this release. */
export async function checkDatabase(session: CommandSession): Promise<Finding[]> {
  const check = 'database'
  try {
    const { pending, silent, aheadMs, isolation } = await withDatabase(session, async ({ database }) => ({
      ...(await migrationStatus(database)),
      aheadMs: await readAhead(database, Date.now),
      silent: await database.checkListening().then(() => undefined, describeError),
      isolation: await defaultIsolation(database),
    }))
    return [
      ok(check, 'PostgreSQL answers'),
      ...identityFindings(connectionOf(session)),
      clockFinding(aheadMs),
      silent === undefined ? ok('notifications', 'what PostgreSQL tells arrives here') : fault('notifications', silent),
      isolation === 'read committed'
        ? ok('isolation', 'transactions are as the server expects them')
        : warning(
            'isolation',
            `default_transaction_isolation is ${isolation}: transactions of the server say READ COMMITTED themselves, but its single statements meet conflicts, and are tried again. Set it to read committed for this database or user`,
          ),
      pending.length === 0
        ? ok('schema', 'the tables are those of this version')
        : fault('schema', `the database lacks ${pending.join(', ')}; run "nauthera migrate up"`),
    ]
  } catch (error) {
    return [fault(check, `${describeError(error)}; look at PostgreSQL, its network, and database.* in the settings`)]
  }
}

/** @returns a warning where TLS encrypts, but does not say who is at the other end */
export function identityFindings({ tls }: Pick<DatabaseConnection, 'tls'>): Finding[] {
  if (tls === false || tls.rejectUnauthorized) return []
  const says =
    'sslMode require checks no certificate: somebody on the path can answer as PostgreSQL, and gets the password. Set verify-full, with the authority of PostgreSQL'
  return [warning('database identity', says)]
}

/** @param aheadMs the clock here, before that of the database */
function clockFinding(aheadMs: number): Finding {
  const check = 'clock'
  const refused = clockFault(aheadMs)
  if (refused !== undefined) return fault(check, `${describeError(refused)}; a server here is not ready`)
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  return seconds < clockTolerance / 2
    ? ok(check, 'the clock here is that of the database')
    : warning(
        check,
        `the clock here is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the database; from ${clockTolerance} s on tokens of here are refused elsewhere`,
      )
}

export async function checkCache(settings: ServerSettings): Promise<Finding> {
  const check = 'cache'
  try {
    const connection = cacheConnection(settings.cache)
    if (connection === undefined) return ok(check, 'none is configured; the server works without one')
    return (await canKeep(connection, settings))
      ? ok(check, 'Valkey or Redis keeps what it is given')
      : warning(check, 'Valkey or Redis does not answer; the server works without it, and asks PostgreSQL more often')
  } catch (error) {
    return fault(check, describeError(error))
  }
}

async function canKeep(
  connection: NonNullable<ReturnType<typeof cacheConnection>>,
  { keysDirectory }: ServerSettings,
): Promise<boolean> {
  const keys = loadKeyRing(keysDirectory).derive('cache')
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, later: nothing, child: () => log }
  const cache = createRedisCache({ connection, keys, timeoutMs: patience, log })
  const key = { purpose: 'doctor', id: String(process.pid) }
  try {
    await cache.settled()
    await cache.set(key, Buffer.from('here'), 10_000)
    return (await cache.get([key]))[0] !== undefined
  } finally {
    await cache.stop()
  }
}

const nothing = () => undefined

/** Checks that each server of each directory answers, accepts the search account, and finds a person. */
export async function checkSources({ sources }: ServerSettings): Promise<Finding[]> {
  const findings = sources.map(async (source) =>
    source.type === 'ldap' ? (await probeDirectory(source)).map((probe) => sourceFinding(source.id, probe)) : [],
  )
  return (await Promise.all(findings)).flat()
}

function sourceFinding(id: string, { url, fault: wrong, certificateEnd }: ServerProbe): Finding {
  const check = `source ${id}`
  if (wrong !== undefined) return fault(check, `${wrong.includes(url) ? '' : `${url}: `}${wrong}; docs/people.md helps`)
  const days = Math.floor(((certificateEnd?.getTime() ?? 0) - Date.now()) / day)
  const says = `${url} lets the account in and knows people; its certificate is valid for ${days} more days`
  return days < renewalDays ? warning(check, `${says}; renew it`) : ok(check, says)
}

/** Checks the connection to the mail server, with TLS and sign-in, and whether it takes the sender. No mail is sent. */
export async function checkMail({ mail }: ServerSettings): Promise<Finding> {
  const check = 'mail'
  if (mail === undefined) return ok(check, 'none is configured; what needs a mail is not offered')
  const server = `${mail.host}:${mail.port}`
  try {
    await createSmtp(mail).check()
    const signedIn = mail.usernameFile === undefined ? 'nobody signs in' : 'the sign-in works'
    const tls = mail.tls === 'off' ? 'without TLS' : 'over TLS'
    return ok(check, `${server} answers, ${tls}, ${signedIn}, and it takes mail from ${mail.from}`)
  } catch (error) {
    return fault(check, `${server}: ${describeError(error)}; mails wait until it works. Look at mail.* in the settings`)
  }
}

/** Checks that each algorithm has a signing key, and that every key can be decrypted. */
export async function checkKeys(session: CommandSession): Promise<Finding[]> {
  const check = 'keys'
  try {
    const { keysDirectory, signing } = settingsOf(session)
    const ring = loadKeyRing(keysDirectory)
    const { list, seeds } = await withDatabase(session, async ({ database, audit, outbox, changes }) => ({
      list: await createKeys({ database, audit, ring }).list(),
      seeds: await createFactors({ database, audit, outbox, ring, changes }).keysInUse(),
    }))
    const keys = [...list.opened, ...list.unreadable]
    if (keys.length === 0) return [warning(check, 'there are none yet; the first server that starts makes them')]
    const inFile = await keysInFile(settingsOf(session))
    if ('check' in inFile) return [inFile]
    const places = new Map(inFile.map(({ kid }, place) => [kid, place]))
    const states = statesOf(keys, list.at, keyPolicy(signing), places)
    const active = keys.filter(({ id }) => states.get(id) === 'active')
    const lacking = signing.algorithms.filter((alg) => !active.some((key) => key.use !== 'cookie' && key.alg === alg))
    const cut = keys.filter((key) => isCut(key) && places.has(key.id))
    // longer than any key of ours waits: a clock was ahead when it was made
    const ahead = keys.filter(
      ({ use, activeAt }) => use !== 'file' && +activeAt > list.at + signing.publishBefore + day,
    )
    return [
      lacking.length === 0
        ? ok(check, `${active.length} keys are active, ${keys.length} are known`)
        : warning(check, `no key signs with ${lacking.join(', ')} yet; the next server that starts makes one`),
      ...seeds
        .filter(({ keyId }) => !ring.ids.includes(keyId))
        .map(({ keyId, seeds: many }) =>
          fault(
            check,
            `${many} authenticator apps are encrypted with ${keyId}, which is not in ${keysDirectory}; put it back`,
          ),
        ),
      ...cut.map(({ id }) => fault(check, `key ${id} was cut off since it leaked; take it out of ${signing.jwksFile}`)),
      ...list.unreadable.map(({ id, use, encryptedBy, fault: why }) =>
        fault(
          check,
          ring.ids.includes(encryptedBy)
            ? `key ${id} (${use}) does not open: ${describeError(why)}; it is left as it is. docs/keys.md says what goes on, and what ends it`
            : `key ${id} is encrypted with ${encryptedBy}, which is not in ${keysDirectory}; put it back`,
        ),
      ),
      ...ahead.map(({ id, activeAt }) =>
        warning(
          check,
          `key ${id} is to be used from ${activeAt.toISOString()} on, later than any is made for; others are made meanwhile. "nauthera keys rotate --now" takes it forward`,
        ),
      ),
    ]
  } catch (error) {
    return [fault(check, describeError(error))]
  }
}

/** @returns the keys of signing.jwksFile, or what is wrong with it */
async function keysInFile({ signing }: ServerSettings): Promise<readonly FileKey[] | Finding> {
  if (signing.jwksFile === undefined) return []
  try {
    return await readKeyFile(signing.jwksFile, signing.algorithms)
  } catch (error) {
    return fault('keys', `${describeError(error)}; running servers keep their last good keys`)
  }
}

/** Checks for a proxy that is missing in `trustedProxies`. */
export async function checkProxies(settings: ServerSettings): Promise<Finding> {
  const check = 'proxy'
  const { allowUntrustedProxy, management } = settings
  if (allowUntrustedProxy)
    return warning(check, 'allowUntrustedProxy: addresses are unknown, so no sign-in is limited by its address')
  const host = ['0.0.0.0', '::'].includes(management.host) ? '127.0.0.1' : management.host
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${management.port}/metrics`
  try {
    return proxyFinding((await requestAddress(url)).body, settings)
  } catch (error) {
    return warning(
      check,
      `the server's metrics cannot be read at ${url} (${describeError(error)}); run this where a server runs`,
    )
  }
}

/** @param metrics the text of /metrics */
function proxyFinding(metrics: string, { trustedProxies }: ServerSettings): Finding {
  const check = 'proxy'
  const ignored = sumOf(metrics, serverMetrics.untrusted.name)
  if (ignored > 0) {
    const all = sumOf(metrics, serverMetrics.requests.name)
    return warning(
      check,
      `${ignored} of ${all} requests carried an address that was not believed, because their sender is not in trustedProxies: limits count everybody behind it as one. The log says which address; list it when it is your proxy (in the chart: server.trustedProxies)`,
    )
  }
  return trustedProxies.length === 0
    ? ok(check, 'no proxy tells addresses, and none is listed')
    : ok(check, `only ${trustedProxies.join(', ')} may tell addresses`)
}

/** @returns the sum over all labels of a metric */
function sumOf(metrics: string, name: string): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
