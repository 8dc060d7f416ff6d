// Faults of what the parts are given: files, Secrets, certificates, clients, rows, and answers of the Kubernetes API.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import type { LocalPod } from '@nauthera/local/product/pod'
import { release, releaseNamespace } from '@nauthera/local/product/stack'
import { statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { issueLeaf, splitPem } from '@nauthera/proto/certificates'
import {
  keysSecretName,
  linkDnsName,
  linkFiles,
  linkSecretName,
  shardFile,
  shardSecretName,
} from '@nauthera/proto/names'
import { machine } from '../../../faults/support/chain.ts'
import { namespace } from '../../../faults/support/chain-clients.ts'
import type { KubeObject } from '@nauthera/stand-in/objects'
import type { AlertFault } from './fault.ts'
import { lasting } from './lasting.ts'
import type { AlertSite } from './site.ts'

const hourMs = 3_600_000
/** Agents look at their certificates, and kubelets at Secrets, once a minute. */
const slowMs = 300_000

export const contentFaults: readonly AlertFault[] = [
  {
    fault: 'a client asks for an algorithm that the servers do not have',
    alerts: ['NautheraClientsRejected'],
    ...lasting(async ({ chain }) => {
      await chain.applyAndWait('signer', machine)
      await chain.patch('signer', { spec: { signing: { idToken: 'EdDSA' } } })
      return () => chain.patch('signer', { spec: { signing: null } })
    }),
  },
  {
    fault: 'a Secret with clients is overwritten while the operator hangs',
    alerts: ['NautheraShardFaulty'],
    patienceMs: slowMs,
    ...lasting(async (site) => {
      const { operator, pods } = site.chain.stack
      operator.kill('SIGSTOP')
      await writeSecret(site, shardSecretName(release, 0), { [shardFile(0)]: 'not a shard' })
      for (const { clients } of pods) clients.sync()
      return () => operator.kill('SIGCONT')
    }),
  },
  {
    fault: 'the file with signing keys is cut',
    alerts: ['NautheraKeyFileUnusable'],
    ...lasting(({ keyFile }) => {
      const text = readFileSync(keyFile, 'utf8')
      writeFileSync(keyFile, text.slice(0, 100))
      return () => writeFileSync(keyFile, text)
    }),
  },
  {
    fault: 'somebody gives the link certificates with three hours left',
    alerts: ['NautheraCertificateExpires'],
    patienceMs: slowMs,
    ...lasting(async (site) => {
      const name = linkSecretName(release)
      const before = await readSecret(site, name)
      const authority = { cert: splitPem(before[linkFiles.ca]!)[0]!, key: before['ca.key']! }
      const dnsNames = [linkDnsName('agent', release, releaseNamespace)]
      const { cert, key } = await issueLeaf(authority, { dnsNames, usage: 'server', lifetimeMs: 3 * hourMs })
      await writeSecret(site, name, { [linkFiles.agentCert]: cert, [linkFiles.agentKey]: key })
      return () => writeSecret(site, name, before)
    }),
  },
  {
    fault: 'one server of three starts with another key in its ring',
    alerts: ['NautheraRingsDiffer'],
    ...lasting(async (site) => {
      await writeSecret(site, keysSecretName(release), { 'ring-2': randomBytes(32), current: 'ring-2' })
      const [first, ...others] = site.chain.stack.pods
      await restartServer(site, first!)
      return async () => {
        for (const pod of others) await restartServer(site, pod)
      }
    }),
  },
  {
    fault: 'the database takes no new keys, and one is due for days',
    alerts: ['NautheraKeysLate'],
    patienceMs: slowMs,
    ...lasting(async ({ write }) => {
      await write(`DO $$ BEGIN
        CREATE FUNCTION refuse_keys() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no new keys''; END';
        CREATE TRIGGER refuse_keys BEFORE INSERT ON keys FOR EACH ROW EXECUTE FUNCTION refuse_keys();
        UPDATE keys SET created_at = created_at - interval '40 days', active_at = active_at - interval '40 days';
      END $$`)
      return () => write('DROP FUNCTION refuse_keys CASCADE')
    }),
  },
  {
    fault: 'a byte of the key of pairwise subjects is damaged',
    alerts: ['NautheraKeysUnreadable'],
    ...lasting(async ({ write }) => {
      const turn = () =>
        write("UPDATE keys SET secret = set_byte(secret, 9, get_byte(secret, 9) # 1) WHERE use = 'pairwise'")
      await turn()
      return turn
    }),
  },
  {
    fault: 'the clocks of the servers are eight seconds ahead',
    alerts: ['NautheraClocksDiffer'],
    ...lasting(({ serverClock }) => {
      serverClock.move(8000)
      return () => serverClock.move(0)
    }),
  },
  {
    fault: 'the secret of a client is due to change while a replica is silent',
    alerts: ['NautheraRotationLate'],
    ...lasting(async (site) => {
      const { chain, operatorClock } = site
      const [, , silent] = chain.stack.pods
      await chain.applyAndWait('rotated', { ...machine, rotation: { interval: '1h' } })
      silent!.agent.kill('SIGSTOP')
      operatorClock.move(1.2 * hourMs)
      await restartOperator(site)
      return async () => {
        silent!.agent.kill('SIGCONT')
        operatorClock.move(0)
        await restartOperator(site)
      }
    }),
  },
  {
    fault: 'the earlier secret of a client is revoked while a replica is silent',
    alerts: ['NautheraRotationLate'],
    ...lasting(async (site) => {
      const { chain, operatorClock } = site
      const [, , silent] = chain.stack.pods
      await chain.applyAndWait('leaked', machine)
      const leaked = chain.secretId('leaked')
      await chain.rotate('leaked')
      await chain.published('leaked', leaked)
      await chain.ready('leaked')
      silent!.agent.kill('SIGSTOP')
      await chain.patch('leaked', { spec: { rotation: { revokePrevious: 'leaked' } } })
      await waitForObject(chain.stack.api, 'oidcclients', { namespace, name: 'leaked' }, isSeen)
      operatorClock.move(hourMs / 10)
      return async () => {
        silent!.agent.kill('SIGCONT')
        operatorClock.move(0)
        await restartOperator(site)
      }
    }),
  },
  {
    fault: 'an operator that starts may not list its clients',
    alerts: ['NautheraNoLeader'],
    ...lasting(async (site) => {
      const { api, operator } = site.chain.stack
      const allow = api.faults.add({
        when: ({ user, verb, resource }) =>
          user === 'operator' && verb === 'list' && resource?.plural === 'oidcclients',
        effect: { kind: 'refuse', code: 403 },
      })
      const refused = operator.line(/list failed/, { from: operator.lines.length, timeoutMs: 60_000 })
      operator.kill('SIGTERM')
      await refused
      return async () => {
        const started = operator.line(/^INF started/, { from: operator.lines.length, timeoutMs: 60_000 })
        allow()
        await started
      }
    }),
  },
]

/** The operator has looked at what the object says now. */
const isSeen = (object: KubeObject | undefined): boolean =>
  object !== undefined && statusOf(object).observedGeneration === object.metadata.generation

/** Resolves when it leads again. */
async function restartOperator({ chain }: AlertSite): Promise<void> {
  const { operator } = chain.stack
  const leading = operator.line(/^INF leads now/, { from: operator.lines.length, timeoutMs: 60_000 })
  operator.kill('SIGTERM')
  await leading
}

/** Its server starts again, with the ring that the Secret has now. */
async function restartServer({ chain }: AlertSite, pod: LocalPod): Promise<void> {
  const out = chain.takeOut(pod)
  pod.keys.sync()
  const { ended, lines } = pod.server
  const started = pod.server.line(/^INF starting /, { from: lines.length, timeoutMs: 60_000 })
  pod.server.kill('SIGTERM')
  await ended
  await started
  await pod.whenReady()
  out.undo()
}

type SecretText = Readonly<Record<string, string | Buffer>>

const pathOf = (name: string) => `/api/v1/namespaces/${releaseNamespace}/secrets/${name}`

async function readSecret({ chain }: AlertSite, name: string): Promise<Readonly<Record<string, string>>> {
  const { status, body } = await chain.kube.call('GET', pathOf(name))
  expect(status).to.equal(200)
  const data = Object.entries(body.data as Record<string, string>)
  return Object.fromEntries(data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
}

/** Writes as somebody who may, and leaves its other keys as they are. */
async function writeSecret({ chain }: AlertSite, name: string, content: SecretText): Promise<void> {
  const data = Object.entries(content).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
  const contentType = 'application/merge-patch+json'
  const body = { data: Object.fromEntries(data) as object }
  expect((await chain.kube.call('PATCH', pathOf(name), { body, contentType })).status).to.equal(200)
}
