import { generateKeyPairSync } from 'node:crypto'
import { globSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { clusterState } from './support/api-server.ts'
import { applyClients, credentialsOf, rotate } from './support/clients.ts'
import { useRegistry } from './support/hardened.ts'
import { applyObjects, kubectl, whenObject } from './support/kubernetes.ts'
import { lastValues } from './support/own-keys.ts'
import { canKill } from './support/pods.ts'
import { machine, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'

describe('profile: hardened, and its backup, on a real cluster', function () {
  this.timeout(240_000)
  const claim = 'backup'
  const job = 'backup-now'
  let product: InstalledProduct
  let keyFile: string

  before(async function () {
    if (!canKill) {
      process.stderr.write('a cluster of somebody else has no registry of ours: profile hardened is not tested\n')
      this.skip()
    }
    product = await useProduct()
    await useDriver()
    const { namespace } = product.release
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    keyFile = join(clusterState, 'backup.key')
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    const recipient = publicKey.export({ type: 'spki', format: 'pem' })
    await applyObjects([
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: claim, namespace },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ])
    // no pod rolls when uninstall.e2e.ts has installed with the profile
    const began = performance.now()
    await product.release.upgrade({
      values: { ...(await lastValues(product.release)), backup: { enabled: true, recipient, existingClaim: claim } },
    })
    record({ name: 'hardened.ready', value: (performance.now() - began) / 1000, unit: 's', target: null })
    await product.release.settled()
  })

  it('runs every container by a digest that the kubelet asked for, and none but the operator has a token of the API', async () => {
    const { digests, asked } = await useRegistry()
    const parts = ['server', 'operator', 'valkey'] as const
    const pods = (await Promise.all(parts.map((part) => product.release.pods(part)))).flat()
    const containers = pods.flatMap((pod) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers] as Json[])
    expect(containers.length).to.be.at.least(10)
    for (const { name, image, imagePullPolicy } of containers) {
      expect(image, name).to.match(/@sha256:[0-9a-f]{64}$/)
      expect(imagePullPolicy, name).to.equal('Always')
    }
    expect([...digests.values()].filter((digest) => !asked.has(digest))).to.deep.equal([])
    const withToken = containers.filter(({ volumeMounts }) =>
      JSON.stringify(volumeMounts ?? []).includes('kubernetes.io/serviceaccount'),
    )
    expect(new Set(withToken.map(({ name }) => name as string))).to.deep.equal(new Set(['operator']))
  })

  it('gives tokens, and the secrets of before and after a rotation are both good', async () => {
    await applyClients(product.team, { 'of-hardened': machine })
    const driver = await useDriver()
    const before = await credentialsOf(product.team, 'of-hardened')
    expect(await driver.ask(before.clientId, before.clientSecret)).to.deep.equal({ status: 200 })
    await rotate(product.team, 'of-hardened')
    const after = await credentialsOf(product.team, 'of-hardened')
    expect(after.clientSecret).to.not.equal(before.clientSecret)
    for (const { clientId, clientSecret } of [before, after])
      expect(await driver.ask(clientId, clientSecret)).to.deep.equal({ status: 200 })
  })

  it('writes a backup that its recipient opens: every row, the ring, and the key of proofs', async () => {
    const { namespace } = product.release
    const began = performance.now()
    await kubectl('-n', namespace, 'create', 'job', job, '--from=cronjob/nauthera-backup')
    const hasEnded = ({ status }: Json = {}) => (status?.succeeded ?? 0) + (status?.failed ?? 0) > 0
    await whenObject(`/apis/batch/v1/namespaces/${namespace}/jobs`, job, hasEnded, 90_000)
    record({ name: 'backup.job', value: (performance.now() - began) / 1000, unit: 's', target: null })
    const [{ rows, sha256 }] = JSON.parse(await kubectl('-n', namespace, 'logs', `job/${job}`)) as [Json]
    const [file, ...others] = globSync(join(clusterState, 'var/pv/*/*.backup'))
    expect(others).to.deep.equal([])
    const [seen] = JSON.parse(
      await runToEnd({
        name: 'nauthera backup verify',
        script: 'server/src/cli/main.ts',
        args: ['backup', 'verify', file!, '--key', keyFile, '--sha256', sha256, '--output', 'json'],
      }),
    ) as [Json]
    expect(seen).to.deep.include({ issuer: product.release.issuer, rows, checked: 'digest, keys, rows', sha256 })
    expect(seen.secrets).to.deep.equal(['nauthera-clients-proof'])
    expect(rows).to.be.greaterThan(10)
  })
})
