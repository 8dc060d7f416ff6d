import { expect } from 'chai'
import { quantile } from '../report.ts'
import { applyClients, clientObject, clientsIn, credentialsOf } from './support/clients.ts'
import { startDriver } from './support/driver.ts'
import type { Driver } from './support/driver.ts'
import { applyObjects, get, mustRun, tryKubectl } from './support/kubernetes.ts'
import { machine, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { authority, e2eImage } from './support/release.ts'
import type { Release } from './support/release.ts'
import { record } from './support/report.ts'
import { inFlight, serverName, useSecondRelease } from './support/second-release.ts'
import type { SecondRelease } from './support/second-release.ts'
import { beginUpgrade } from './support/upgrade.ts'

describe('a second release, in mode release', function () {
  this.timeout(300_000)
  let first: InstalledProduct
  let second: SecondRelease
  let release: Release
  let driver: Driver

  before(async () => {
    first = await useProduct()
    await useDriver()
    second = await useSecondRelease()
    ;({ release } = second)
  })

  it('has no right and no object outside its namespace', async () => {
    const manifest = await mustRun('helm3', ['get', 'manifest', 'second', '-n', release.namespace])
    expect(manifest.match(/^kind: (Cluster.*|CustomResource.*|ValidatingAdmission.*)$/gm)).to.equal(null)
    const as = `--as=system:serviceaccount:${release.namespace}:second-operator`
    const canI = async (...what: string[]) => (await tryKubectl('auth', 'can-i', ...what, as)).stdout.trim()
    expect(await canI('list', 'oidcclients', '-n', first.team)).to.equal('no')
    expect(await canI('get', 'secrets', '-n', first.team)).to.equal('no')
    expect(await canI('get', 'secrets', '-n', first.release.namespace)).to.equal('no')
    expect(await canI('list', 'namespaces')).to.equal('no')
    expect(await canI('list', 'secrets', '-n', release.namespace)).to.equal('no')
    expect(await canI('list', 'oidcclients', '-n', release.namespace)).to.equal('yes')
  })

  it(`makes ${inFlight} clients that are applied together Ready without nudging, at the pace of the kubelet`, async () => {
    const slow = await second.ready
    expect(slow).to.have.length(inFlight)
    record({ name: 'ready.no-nudge.p50', value: quantile(slow, 0.5), unit: 's', target: null })
    record({ name: 'ready.no-nudge.max', value: Math.max(...slow), unit: 's', target: null })
  })

  it('serves its own clients, and neither release touches what the other has', async () => {
    // in the namespace that both look into, one for each; and one for the second where only the first looks
    await applyClients(release.namespace, { 'of-first': machine })
    await applyObjects([clientObject(first.team, 'of-nobody', { ...machine, serverName })])
    await applyClients(first.team, { 'of-first-too': machine })
    const servedBy = async (namespace: string, name: string) =>
      (await get(`${clientsIn(namespace)}/${name}`)).status?.servedBy as string | undefined
    expect(await servedBy(release.namespace, 'slow-0')).to.equal(`${release.namespace}/second`)
    expect(await servedBy(release.namespace, 'of-first')).to.equal(`${first.release.namespace}/nauthera`)
    expect(await servedBy(first.team, 'of-first-too')).to.equal(`${first.release.namespace}/nauthera`)
    expect(await servedBy(first.team, 'of-nobody')).to.equal(undefined)

    driver = await startDriver({
      namespace: release.namespace,
      issuer: release.issuer,
      caCertificate: (await authority).cert,
      image: e2eImage('driver:1'),
    })
    const theirs = await credentialsOf(first.team, 'of-first-too')
    const own = await credentialsOf(release.namespace, 'slow-0')
    expect(await driver.ask(own.clientId, own.clientSecret)).to.deep.equal({ status: 200 })
    expect(await driver.ask(theirs.clientId, theirs.clientSecret)).to.include({ status: 401, error: 'invalid_client' })
    const other = await useDriver()
    expect(await other.ask(own.clientId, own.clientSecret)).to.include({ status: 401, error: 'invalid_client' })
  })

  it('begins to be upgraded: ci/e2e/upgrade.e2e.ts looks at how it went', () => {
    // told by the file that looks at it
    beginUpgrade(release, driver).catch(() => undefined)
  })
})
