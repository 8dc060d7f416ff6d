// The whole product with three replicas, Valkey, a directory and a spoke under load, scraped by a real Prometheus.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { Browser, authorizationUrl, formOf, pkce } from '@nauthera/harness/browser'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { startValkey } from '@nauthera/local/programs/valkey'
import type { Valkey } from '@nauthera/local/programs/valkey'
import { createDatabase } from '@nauthera/server/store/driver/postgres'
import { statement } from '@nauthera/server/store/driver/database'
import { startChain } from '../../../faults/support/chain.ts'
import type { Chain } from '../../../faults/support/chain.ts'
import { startChainSpoke } from '../../../faults/support/chain-spoke.ts'
import type { ChainSpoke } from '../../../faults/support/chain-spoke.ts'
import { startLoad } from '../../../faults/support/load.ts'
import type { Load } from '../../../faults/support/load.ts'
import { requestDeviceCode } from '../../../faults/support/load/visits.ts'
import { startTcpProxy } from '../../../faults/support/tcp-proxy.ts'
import type { TcpProxy } from '../../../faults/support/tcp-proxy.ts'
import { startDirectory } from '../../../../scripts/dev/directory.ts'
import type { DemoDirectory } from '../../../../scripts/dev/directory.ts'
import { keepLog } from '../../../../server/test/http/harness.ts'
import { moveOnOf } from '../../../../server/test/login/upstream/parties.ts'
import { startOddProvider } from '../../../../server/test/login/upstream/provider.ts'
import type { OddProvider } from '../../../../server/test/login/upstream/provider.ts'
import { connectionOf } from '../../../../server/test/store/fresh-store.ts'
import { startPrometheus } from '../prometheus.ts'
import type { Prometheus } from '../prometheus.ts'
import { dayMs, startCertificatePort } from './certificate-port.ts'
import type { CertificatePort } from './certificate-port.ts'
import { createMovableClock } from '@nauthera/harness/movable-clock'
import type { MovableClock } from '@nauthera/harness/movable-clock'

export const cluster = 'edge'

/** What faults break. */
export interface AlertSite {
  readonly chain: Chain
  readonly load: Load
  readonly prometheus: Prometheus
  readonly directory: DemoDirectory
  /** People of it come back from there all the time, also when the servers do not reach it. */
  readonly provider: OddProvider
  readonly spoke: ChainSpoke
  readonly toHub: TcpProxy
  readonly certificate: CertificatePort
  /** The path of the signing keys of every server. */
  readonly keyFile: string
  readonly operatorClock: MovableClock
  readonly serverClock: MovableClock
  /** A fault that ends them puts a new one there. */
  valkey: Valkey
  database: Postgres
  /** Runs a statement as an administrator of the database. */
  write(sql: string): Promise<void>
  stop(): Promise<void>
}

/** @param options.isLong rules as they are installed, and people who think for as long as people do
 *  @returns when everything has been scraped */
export async function startAlertSite({ isLong }: { isLong: boolean }): Promise<AlertSite> {
  const stops: (() => Promise<unknown> | void)[] = []
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each()
  }
  try {
    return await launch(isLong, stops, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function launch(
  isLong: boolean,
  stops: (() => Promise<unknown> | void)[],
  stop: () => Promise<void>,
): Promise<AlertSite> {
  const place = mkdtempSync(join(tmpdir(), 'nauthera-alerts-'))
  stops.push(reapDirectory(place))
  const valkey = await startValkey()
  stops.push(() => site.valkey.stop())
  const directory = await startDirectory(place)
  stops.push(() => directory.stop())
  writeFileSync(join(place, 'cache'), valkey.url)
  const provider = await startOddProvider()
  stops.push(() => provider.stop())
  provider.says.claims = { sub: 'a-subject', preferred_username: 'greta' }
  const keyFile = await writeSigningKeys(place)
  const serverSettings = {
    sources: directory.sources,
    cache: { urlFile: join(place, 'cache') },
    upstreams: [{ id: 'odd', name: 'Odd', issuer: provider.issuer, clientId: 'down' }],
    signing: { jwksFile: keyFile },
    // a row for each: so many rows are soon too many where nobody takes them
    audit: { machineTokens: 'each' },
  }
  const clockIn = (name: string) => createMovableClock(mkdtempSync(join(place, name)))
  const [operatorClock, serverClock] = [clockIn('operator-'), clockIn('server-')]
  const flags = { operatorFlags: operatorClock.flags, serverFlags: serverClock.flags }
  const chain = await startChain({ keep: true, serverSettings, ...flags })
  stops.push(
    () => chain.stop(),
    () => site.database.stop(),
  )
  const hub = new URL(chain.stack.api.url)
  const toHub = await startTcpProxy(Number(hub.port))
  stops.push(() => toHub.stop())
  const through = (kubeconfig: string) => kubeconfig.replaceAll(`:${hub.port}`, `:${toHub.port}`)
  const spoke = await startChainSpoke(chain, { cluster, apps: 'apps', through })
  stops.push(() => spoke.stop())
  const load = await startLoad(chain, { edits: chain, thinkMs: isLong ? 1_000 : 100 })
  stops.push(() => load.stop())
  const [grace] = directory.people
  for (const ask of [() => signIn(chain, grace!), () => signInElsewhere(chain, provider)]) {
    const asking = setInterval(() => void ask().catch(() => undefined), 2_000)
    stops.push(() => clearInterval(asking))
  }
  const certificate = await startCertificatePort(place)
  await certificate.show(30 * dayMs)
  stops.push(() => certificate.stop())
  const prometheus = await startPrometheus(
    [
      ...chain.stack.pods.flatMap(({ name: pod, managementPorts: { server, agent } }) => [
        { pod, port: server },
        { pod, port: agent },
      ]),
      { pod: 'operator-0', port: chain.stack.operatorManagementPort },
      { pod: 'certificate', port: certificate.port },
      { pod: 'operator-0', port: spoke.managementPort, namespace: cluster },
    ],
    { asInstalled: isLong },
  )
  stops.push(() => prometheus.stop())
  const { database } = chain.stack
  const write = (sql: string) => writeTo(site.database.url, sql)
  const parts = { provider, chain, load, prometheus, directory, spoke, toHub, certificate, keyFile }
  const site: AlertSite = { ...parts, operatorClock, serverClock, valkey, database, write, stop }
  await prometheus.whenScraping()
  return site
}

/** @returns the path of the file */
async function writeSigningKeys(place: string): Promise<string> {
  const makeKey = async (alg: string): Promise<object> => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    return { ...(await exportJWK(privateKey)), alg, kid: alg, use: 'sig' }
  }
  const path = join(place, 'jwks.json')
  writeFileSync(path, JSON.stringify({ keys: await Promise.all(['ES256', 'RS256'].map(makeKey)) }))
  return path
}

/** From the request of an application to the answer to the password. */
export async function signIn(chain: Chain, { name, password }: { name: string; password: string }): Promise<void> {
  const { challenge } = pkce()
  const { clientId } = chain.credentials('web')
  const browser = new Browser(chain.front)
  const page = await browser.follow(authorizationUrl(chain.front.issuer, requestDeviceCode(clientId, challenge)))
  await browser.submit(page, '/sign-in', { username: name, password })
}

/** Somebody of another provider, whom it has sent back. */
async function signInElsewhere(chain: Chain, provider: OddProvider): Promise<void> {
  const { challenge } = pkce()
  const { clientId } = chain.credentials('web')
  const browser = new Browser(chain.front)
  const page = await browser.follow(authorizationUrl(chain.front.issuer, requestDeviceCode(clientId, challenge)))
  // a button of the form for the password leads there
  const { action, fields } = formOf(page.body, '/sign-in')
  const leaving = await browser.follow(action.replace(/sign-in$/, 'upstream/odd'), { form: fields })
  const asked = new URL(leaving.location ?? moveOnOf(leaving)!).searchParams
  provider.nonce = asked.get('nonce')!
  const back = new URLSearchParams({ code: 'a-code', state: asked.get('state')!, iss: provider.issuer })
  const between = await browser.follow(`${chain.front.issuer}/federation/odd/callback?${back.toString()}`)
  // a page of our own site, so that the cookies come along
  await browser.follow(new URL(moveOnOf(between)!, between.url).href)
}

async function writeTo(url: string, sql: string): Promise<void> {
  const connection = createDatabase({ connection: connectionOf(url), log: keepLog() })
  try {
    await connection.query(statement(`test-${sql.slice(0, 6)}`, sql))
  } finally {
    await connection.stop()
  }
}
