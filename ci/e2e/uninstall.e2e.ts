import { expect } from 'chai'
import { isReady } from '@nauthera/local/product/wait-for'
import type { Json } from '@nauthera/stand-in/kube-client'
import { clientsIn, credentialsOf, whenClientReady } from './support/clients.ts'
import { admin, applyObjects, get, tryKubectl, until } from './support/kubernetes.ts'
import { lastValues } from './support/own-keys.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'

describe('uninstalling and installing again', function () {
  this.timeout(240_000)
  let product: InstalledProduct
  before(async () => {
    product = await useProduct()
  })

  it('keeps definitions, clients, keys and the Secrets of applications, and signs nobody out', async () => {
    const { release, team } = product
    const driver = await useDriver()
    const before = await credentialsOf(team, 'machine')
    const idOf = async (path: string) => (await get(path)).metadata.uid as string
    const kept = [
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/oidcclients.auth.nauthera.io',
      `/api/v1/namespaces/${release.namespace}/secrets/nauthera-keys`,
      `/api/v1/namespaces/${release.namespace}/secrets/nauthera-link`,
      `/api/v1/namespaces/${release.namespace}/secrets/nauthera-clients-00`,
      `/api/v1/namespaces/${team}/secrets/machine-oidc`,
    ]
    const ids = await Promise.all(kept.map(idOf))
    // At the end of the load every session and refresh token that was given out must still work.
    const outcome = await driver.underLoad(async () => {
      await release.uninstall()
      const { stdout } = await tryKubectl(
        '-n',
        release.namespace,
        'get',
        'deploy,service,job,pdb,networkpolicy',
        '-o',
        'name',
      )
      expect(stdout.split('\n').filter((line) => line.includes('nauthera'))).to.deep.equal([])
      expect(await Promise.all(kept.map(idOf))).to.deep.equal(ids)
      const began = performance.now()
      await release.upgrade()
      record({ name: 'reinstall.ready', value: (performance.now() - began) / 1000, unit: 's', target: 120 })
      await whenClientReady(team, 'machine', 60_000)
    })
    expect(outcome.failures.length, 'nothing was uninstalled').to.be.greaterThan(0)
    expect(
      outcome.failures.map(({ status }) => status).filter((status) => status !== 0 && status !== 503),
    ).to.deep.equal([])
    expect(await credentialsOf(team, 'machine')).to.deep.equal(before)
    expect(await driver.ask(before.clientId, before.clientSecret)).to.deep.equal({ status: 200 })
  })

  it('F43 its objects come back from a backup with new uids: each client goes on with its Secret, and nobody is signed out', async () => {
    const { release, team } = product
    const driver = await useDriver()
    const secretsIn = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`
    /** As a backup keeps them: the kinds are those of the lists. */
    const listed = async (path: string, isKept: (name: string) => boolean): Promise<Json[]> => {
      const { kind, apiVersion, items } = await get(path)
      const kept = items.filter(({ metadata }: Json) => isKept(metadata.name))
      return kept.map((item: Json) => ({ ...item, apiVersion, kind: kind.replace(/List$/, '') }))
    }
    // what other files left there may be refused, or of another release
    const clients = (await listed(clientsIn(team), () => true)).filter(isReady)
    const names = clients.map(({ metadata }): string => metadata.name)
    const isOfClient = (name: string) => names.some((client) => name === `${client}-oidc`)
    const secrets = [
      ...(await listed(secretsIn(release.namespace), (name) => /^nauthera-(keys$|clients-)/.test(name))),
      ...(await listed(secretsIn(team), isOfClient)),
    ]
    const backup = [...secrets, ...clients]
    const held = async () =>
      (await listed(secretsIn(team), isOfClient)).map(({ metadata, data }) => [metadata.name, data])
    const before = await held()
    expect(before.length).to.be.at.least(3)
    const outcome = await driver.underLoad(async () => {
      await release.uninstall()
      for (const object of backup.toReversed()) await admin().call('DELETE', pathOf(object))
      const isGone = async (object: Json) => (await admin().call('GET', pathOf(object))).status === 404
      await until('all to be gone', async () => (await Promise.all(backup.map(isGone))).every(Boolean))
      await applyObjects(backup.map(asRestored))
      const began = performance.now()
      // hardened.e2e.ts and own-keys.e2e.ts look at it
      await release.upgrade({ values: await lastValues(release) })
      await Promise.all(names.map((name) => whenClientReady(team, name, 60_000)))
      record({ name: 'restore.ready', value: (performance.now() - began) / 1000, unit: 's', target: 120 })
    })
    const unexpected = outcome.failures.map(({ status }) => status).filter((status) => status !== 0 && status !== 503)
    record({ name: 'restore.refused', value: unexpected.length, unit: 'requests', target: 0 })
    expect(unexpected).to.deep.equal([])
    expect(await held()).to.deep.equal(before)
    const after = await listed(clientsIn(team), (name) => names.includes(name))
    expect(after.map(({ status }): string => status.restoredFrom)).to.deep.equal(
      clients.map(({ metadata }): string => metadata.uid),
    )
  })
  const pathOf = ({ kind, metadata: { namespace, name } }: Json): string =>
    `${kind === 'Secret' ? `/api/v1/namespaces/${namespace}/secrets` : clientsIn(namespace)}/${name}`
  /** As Velero does: without uid, times, status and owners. */
  const asRestored = ({ status: _status, ...object }: Json): object => {
    const { namespace, name, labels, annotations } = object.metadata
    return { ...object, metadata: { namespace, name, labels, annotations } }
  }
})
