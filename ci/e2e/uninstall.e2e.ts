import { expect } from 'chai'
import { credentialsOf, whenClientReady } from './support/clients.ts'
import { get, tryKubectl } from './support/kubernetes.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { Product } from './support/product.ts'
import { record } from './support/report.ts'

describe('uninstalling and installing again', function () {
  this.timeout(240_000)
  let product: Product
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
})
