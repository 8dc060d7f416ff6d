// Faults of the parts themselves: a process, a volume, a network or a program beside it is away.
import { setTimeout as pause } from 'node:timers/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { startPostgres } from '@nauthera/local/programs/postgres'
import { startValkey } from '@nauthera/local/programs/valkey'
import { spokeName } from '@nauthera/proto/names'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { dayMs } from './certificate-port.ts'
import type { AlertFault } from './fault.ts'
import { cluster } from './site.ts'
import type { AlertSite } from './site.ts'

const podOf = ({ chain }: AlertSite, index: number) => chain.stack.pods[index]!

export const awayFaults: readonly AlertFault[] = [
  {
    fault: 'a certificate with 20 hours left',
    alerts: ['NautheraServerCertificateExpires', 'NautheraServerCertificateEnds'],
    begin: ({ certificate }) => certificate.show(20 * 3_600_000),
    end: ({ certificate }) => certificate.show(30 * dayMs),
  },
  {
    fault: 'Valkey killed',
    alerts: ['NautheraCacheAway'],
    begin: ({ valkey }) => valkey.stop(),
    end: async (site) => void (site.valkey = await startValkey({ port: site.valkey.port })),
  },
  {
    fault: 'a mail that waits for an hour',
    alerts: ['NautheraOutboxGrows'],
    begin: ({ write }) =>
      write(`INSERT INTO outbox (id, kind, once_key, payload, encrypted_by, created_at, next_at, give_up_at)
        VALUES (gen_random_uuid(), 'mail', 'waits', '', '', now() - interval '1 hour', now() + interval '1 hour', now() + interval '1 day')`),
    end: ({ write }) => write('DELETE FROM outbox'),
  },
  {
    fault: 'the directory killed',
    alerts: ['NautheraDirectoryAway'],
    begin: ({ directory }) => directory.kill(),
    end: ({ directory }) => directory.again(),
  },
  {
    fault: 'another provider killed, to which people went before',
    alerts: ['NautheraUpstreamAway'],
    begin: ({ provider }) => provider.stop(),
  },
  {
    fault: 'the volume of one replica stands still while clients change',
    alerts: ['NautheraReplicasDiffer', 'NautheraClientsNotReady'],
    begin: (site) => podOf(site, 0).clients.hold(),
    end: (site) => podOf(site, 0).clients.release(),
  },
  {
    fault: 'the agent of one replica hangs',
    alerts: ['NautheraAgentCutOff', 'NautheraReplicaSilent'],
    begin: (site) => podOf(site, 1).agent.kill('SIGSTOP'),
    end: (site) => podOf(site, 1).agent.kill('SIGCONT'),
  },
  {
    fault: 'a server killed four times',
    alerts: ['NautheraRestarts'],
    begin: async (site) => {
      const pod = podOf(site, 1)
      for (let time = 0; time < 4; time++) {
        const { pid } = pod.server
        pod.server.kill('SIGKILL')
        while (pod.server.pid === pid || !pod.ready) await pause(200)
        await pause(2_000)
      }
    },
  },
  {
    fault: 'the operator hangs',
    alerts: ['NautheraNoLeader'],
    begin: ({ chain }) => chain.stack.operator.kill('SIGSTOP'),
    end: ({ chain }) => chain.stack.operator.kill('SIGCONT'),
  },
  {
    fault: 'the network between a spoke and its hub is cut',
    alerts: ['NautheraHubUnreachable'],
    begin: ({ toHub }) => toHub.cut(),
    end: ({ toHub }) => toHub.restore(),
  },
  {
    fault: 'the operator of a spoke ended an hour ago',
    alerts: ['NautheraClusterSilent'],
    begin: async (site) => {
      await site.spoke.operator.stop()
      const renewTime = new Date(Date.now() - 3_600_000).toISOString().replace('Z', '000Z')
      const path = `/apis/coordination.k8s.io/v1/namespaces/${namespaceOfCluster(cluster)}/leases/${spokeName}`
      const contentType = 'application/merge-patch+json'
      const answer = await site.chain.kube.call('PATCH', path, { body: { spec: { renewTime } }, contentType })
      expect(answer.status).to.equal(200)
    },
  },
  {
    fault: 'PostgreSQL away',
    alerts: ['NautheraDatabaseAway', 'NautheraNobodySignsIn', 'NautheraErrorsFast', 'NautheraErrorsSlow'],
    begin: ({ database }) => database.stop(),
    end: async (site) => {
      const { port } = site.database
      site.database = await startPostgres({ directory: join(site.chain.directory, 'postgres'), port })
    },
  },
  {
    fault: 'every server hangs',
    alerts: ['NautheraNoServer'],
    begin: ({ chain }) => chain.stack.pods.forEach(({ server }) => server.kill('SIGSTOP')),
    end: ({ chain }) => chain.stack.pods.forEach(({ server }) => server.kill('SIGCONT')),
  },
]
