import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { startValkey } from '@nauthera/local/programs/valkey'
import type { Valkey } from '@nauthera/local/programs/valkey'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { spokeName } from '@nauthera/proto/names'
import { createHealth, serveManagement } from '@nauthera/runtime/health'
import { createMetrics } from '@nauthera/runtime/metrics'
import { listen } from '@nauthera/server/http/server'
import type { PublicServer } from '@nauthera/server/http/server'
import { serverMetrics } from '@nauthera/server/metrics'
import { createDatabase } from '@nauthera/server/store/driver/postgres'
import { statement } from '@nauthera/server/store/driver/database'
import { queries } from '../../charts/test/support/alerts.ts'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { startChain } from '../faults/support/chain.ts'
import type { Chain } from '../faults/support/chain.ts'
import { startChainSpoke } from '../faults/support/chain-spoke.ts'
import type { ChainSpoke } from '../faults/support/chain-spoke.ts'
import { startLoad } from '../faults/support/load.ts'
import type { Load } from '../faults/support/load.ts'
import { startTcpProxy } from '../faults/support/tcp-proxy.ts'
import type { TcpProxy } from '../faults/support/tcp-proxy.ts'
import { requestDeviceCode } from '../faults/support/load/visits.ts'
import { startDirectory } from '../../scripts/dev/directory.ts'
import type { DemoDirectory } from '../../scripts/dev/directory.ts'
import { keepLog } from '../../server/test/http/harness.ts'
import { connectionOf } from '../../server/test/store/fresh-store.ts'
import { shortened, startPrometheus } from './support/prometheus.ts'
import type { Prometheus } from './support/prometheus.ts'

// A real Prometheus scrapes the whole product with three replicas under load, with the alerts of the chart. In quiet no alert fires, every
// query of the dashboards has data, and faults raise the alerts that are about them.

interface Fault {
  readonly fault: string
  readonly alerts: readonly string[]
  readonly begin: () => Promise<unknown> | void
  readonly end?: () => Promise<unknown> | void
}

/** The longest that an alert waits for here: a client counts as not Ready after a minute. */
const patienceMs = 120_000
const quietMs = Number(process.env['QUIET_SECONDS'] ?? 60) * 1000
/** A long quiet has the rules as they are installed, and people who think for as long as people do. */
const isLong = quietMs > 600_000

const cluster = 'edge'

describe('alerts and dashboards at a real Prometheus', function () {
  this.timeout(900_000 + quietMs)
  const fired: string[] = []
  const stops: (() => Promise<unknown> | void)[] = []
  let chain: Chain
  let load: Load
  let prometheus: Prometheus
  let valkey: Valkey
  let directory: DemoDirectory
  let database: Postgres
  let spoke: ChainSpoke
  let toHub: TcpProxy
  let certificate: Awaited<ReturnType<typeof serveCertificate>>

  before(async () => {
    const place = mkdtempSync(join(tmpdir(), 'nauthera-alerts-'))
    stops.push(reapDirectory(place))
    valkey = await startValkey()
    stops.push(() => valkey.stop())
    directory = await startDirectory(place)
    stops.push(() => directory.stop())
    writeFileSync(join(place, 'cache'), valkey.url)
    const serverSettings = { sources: directory.sources, cache: { urlFile: join(place, 'cache') } }
    chain = await startChain({ keep: true, serverSettings })
    database = chain.stack.database
    stops.push(
      () => chain.stop(),
      () => database.stop(),
    )
    const hub = new URL(chain.stack.api.url)
    toHub = await startTcpProxy(Number(hub.port))
    stops.push(() => toHub.stop())
    const through = (kubeconfig: string) => kubeconfig.replaceAll(`:${hub.port}`, `:${toHub.port}`)
    spoke = await startChainSpoke(chain, { cluster, apps: 'apps', through })
    stops.push(() => spoke.stop())
    load = await startLoad(chain, { edits: chain, thinkMs: isLong ? 1_000 : 100 })
    stops.push(() => load.stop())
    // somebody of the directory
    const [grace] = directory.people
    const asking = setInterval(() => void signIn(grace!).catch(() => undefined), 2_000)
    stops.push(() => clearInterval(asking))
    certificate = await serveCertificate(place)
    await certificate.show(30 * dayMs)
    stops.push(() => certificate.stop())
    const targets = [
      ...chain.stack.pods.flatMap(({ name: pod, managementPorts: { server, agent } }) => [
        { pod, port: server },
        { pod, port: agent },
      ]),
      { pod: 'operator-0', port: chain.stack.operatorManagementPort },
      { pod: 'certificate', port: certificate.port },
      { pod: 'operator-0', port: spoke.managementPort, namespace: cluster },
    ]
    prometheus = await startPrometheus(targets, { asInstalled: isLong })
    stops.push(() => prometheus.stop())
    await prometheus.whenScraping()
  })
  after(async () => {
    for (const stop of stops.reverse()) await stop()
    process.stdout.write(`\n| Alert | Fault | Fired after |\n| --- | --- | --- |\n${fired.join('\n')}\n\n`)
  })

  const signIn = async ({ name, password }: { name: string; password: string }) => {
    const { challenge } = pkce()
    const { clientId } = chain.credentials('web')
    const browser = new Browser(chain.front)
    const page = await browser.follow(authorizationUrl(chain.front.issuer, requestDeviceCode(clientId, challenge)))
    await browser.submit(page, '/sign-in', { username: name, password })
  }

  it(`no alert fires in ${quietMs / 1000} s of mixed load`, async () => {
    await pause(quietMs)
    const range = `${quietMs / 1000}s`
    const seen = await prometheus.query(`max_over_time(ALERTS{alertstate="firing"}[${range}])`)
    const pending = await prometheus.query(`max_over_time(ALERTS{alertstate="pending"}[${range}])`)
    const waited = pending.map(({ metric }) => metric['alertname']).join(', ')
    const failed = load.failures().length
    process.stdout.write(
      `\n${load.outcomes.length} requests, ${failed} failed; pending for a while: ${waited || 'none'}\n`,
    )
    expect(seen.map(({ metric }) => metric['alertname'])).to.deep.equal([])
  })

  it('every query of the dashboards returns data', async () => {
    const empty: string[] = []
    process.stdout.write('\n| Dashboard | Panel | Series |\n| --- | --- | --- |\n')
    for (const { dashboard, panel, expr } of queries) {
      const found = await prometheus.query(shortened(expr))
      if (found.length === 0) empty.push(`${dashboard}, ${panel}: ${expr}`)
      process.stdout.write(`| ${dashboard} | ${panel} | ${found.length} |\n`)
    }
    expect(empty).to.deep.equal([])
  })

  it('a process has as many series as docs/metrics.md allows, and far fewer', async () => {
    const series = await prometheus.query('max by (process) (count by (process, pod) ({__name__=~"nauthera_.*"}))')
    for (const { metric, value } of series) expect(Number(value), metric['process']).to.be.below(1_000)
  })

  const [first, second] = [() => chain.stack.pods[0]!, () => chain.stack.pods[1]!]
  const faults: readonly Fault[] = [
    {
      fault: 'a certificate with 20 hours left',
      alerts: ['NautheraServerCertificateExpires', 'NautheraServerCertificateEnds'],
      begin: () => certificate.show(20 * 3_600_000),
      end: () => certificate.show(30 * dayMs),
    },
    {
      fault: 'Valkey killed',
      alerts: ['NautheraCacheAway'],
      begin: () => valkey.stop(),
      end: async () => void (valkey = await startValkey({ port: valkey.port })),
    },
    {
      fault: 'a mail that waits for an hour',
      alerts: ['NautheraOutboxGrows'],
      begin: () =>
        write(`INSERT INTO outbox (id, kind, once_key, payload, encrypted_by, created_at, next_at, give_up_at)
        VALUES (gen_random_uuid(), 'mail', 'waits', '', '', now() - interval '1 hour', now() + interval '1 hour', now() + interval '1 day')`),
      end: () => write('DELETE FROM outbox'),
    },
    { fault: 'the directory killed', alerts: ['NautheraDirectoryAway'], begin: () => directory.stop() },
    {
      fault: 'the volume of one replica stands still while clients change',
      alerts: ['NautheraReplicasDiffer', 'NautheraClientsNotReady'],
      begin: () => first().clients.hold(),
      end: () => first().clients.release(),
    },
    {
      fault: 'the agent of one replica hangs',
      alerts: ['NautheraAgentCutOff', 'NautheraReplicaSilent'],
      begin: () => second().agent.kill('SIGSTOP'),
      end: () => second().agent.kill('SIGCONT'),
    },
    {
      fault: 'a server killed four times',
      alerts: ['NautheraRestarts'],
      begin: async () => {
        for (let time = 0; time < 4; time++) {
          const { pid } = second().server
          second().server.kill('SIGKILL')
          while (second().server.pid === pid || !second().ready) await pause(200)
          await pause(2_000)
        }
      },
    },
    {
      fault: 'the operator hangs',
      alerts: ['NautheraNoLeader'],
      begin: () => chain.stack.operator.kill('SIGSTOP'),
      end: () => chain.stack.operator.kill('SIGCONT'),
    },
    {
      fault: 'the network between a spoke and its hub is cut',
      alerts: ['NautheraHubUnreachable'],
      begin: () => toHub.cut(),
      end: () => toHub.restore(),
    },
    {
      fault: 'the operator of a spoke ended an hour ago',
      alerts: ['NautheraClusterSilent'],
      begin: async () => {
        await spoke.operator.stop()
        await patchLease({ renewTime: new Date(Date.now() - 3_600_000).toISOString().replace('Z', '000Z') })
      },
    },
    {
      fault: 'PostgreSQL away',
      alerts: ['NautheraDatabaseAway', 'NautheraNobodySignsIn', 'NautheraErrorsFast', 'NautheraErrorsSlow'],
      begin: () => database.stop(),
      end: async () => {
        const kept = join(chain.directory, 'postgres')
        database = await startPostgres({ directory: kept, port: database.port })
      },
    },
    {
      fault: 'every server hangs',
      alerts: ['NautheraNoServer'],
      begin: () => chain.stack.pods.forEach(({ server }) => server.kill('SIGSTOP')),
      end: () => chain.stack.pods.forEach(({ server }) => server.kill('SIGCONT')),
    },
  ]
  for (const { fault, alerts: wanted, begin, end } of faults)
    it(`${fault}: ${wanted.join(', ')}`, async () => {
      const before = await prometheus.firing()
      expect(before.filter((name) => wanted.includes(name))).to.deep.equal([])
      const began = performance.now()
      await begin()
      try {
        for (const name of wanted) {
          await prometheus.untilFiring([name], patienceMs)
          fired.push(`| ${name} | ${fault} | ${Math.round((performance.now() - began) / 1000)} s |`)
        }
      } finally {
        await end?.()
      }
    })

  const patchLease = async (spec: object) => {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespaceOfCluster(cluster)}/leases/${spokeName}`
    const contentType = 'application/merge-patch+json'
    expect((await chain.kube.call('PATCH', path, { body: { spec }, contentType })).status).to.equal(200)
  }
  const write = async (sql: string) => {
    const connection = createDatabase({ connection: connectionOf(database.url), log: keepLog() })
    try {
      await connection.query(statement(`test-${sql.slice(0, 6)}`, sql))
    } finally {
      await connection.stop()
    }
  }
})

const dayMs = 86_400_000

/** A public port with TLS alone, whose certificate can be changed, and its metrics. */
async function serveCertificate(place: string) {
  const metrics = createMetrics('server')
  const expiry = metrics.gauge(serverMetrics.certificateExpiry)
  const management = await serveManagement({ listen: { host: '127.0.0.1', port: 0 }, health: createHealth(), metrics })
  const tls = { certFile: join(place, 'tls.crt'), keyFile: join(place, 'tls.key') }
  const authority = await createAuthority({ name: 'public', lifetimeMs: 60 * dayMs })
  let server: PublicServer | undefined
  const close = () => server?.stop({ drainMs: 0, answerMs: 0 })
  return {
    port: management.port,
    async show(lifetimeMs: number): Promise<void> {
      await close()
      const { cert, key } = await issueLeaf(authority, { dnsNames: ['auth.example.com'], usage: 'server', lifetimeMs })
      writeFileSync(tls.certFile, cert)
      writeFileSync(tls.keyFile, key)
      server = await listen({
        application: (_, response) => void response.end(),
        discovery: () => false,
        hosts: new Set(),
        listen: { host: '127.0.0.1', port: 0 },
        tls,
        log: keepLog(),
        onCertificate: (endsAt) => expiry.set({ certificate: 'public' }, endsAt / 1000),
      })
    },
    async stop(): Promise<void> {
      await close()
      await management.stop()
    },
  }
}
