import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { failuresByKind } from '../faults/support/keep-alive-load.ts'
import type { KeepAliveReport } from '../faults/support/keep-alive-load.ts'
import { quantile } from '../report.ts'
import { previousTag } from './previous.ts'
import { applyClients, clientObject, clientsIn, credentialsOf, whenClientReady } from './support/clients.ts'
import { startDriver } from './support/driver.ts'
import type { Driver } from './support/driver.ts'
import { applyObjects, get, kubectl, mustRun, tryKubectl, until } from './support/kubernetes.ts'
import { canKill, isReady } from './support/pods.ts'
import { machine, useDriver, useProduct, version } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { authority, e2eImage } from './support/release.ts'
import type { Release } from './support/release.ts'
import { record } from './support/report.ts'
import { inFlight, serverName, useSecondRelease } from './support/second-release.ts'
import type { SecondRelease } from './support/second-release.ts'

/** Clients that each keep one, through two upgrades and a rollback. */
const keptConnections = 500

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
  after(async () => {
    const ending = release.uninstall()
    if (!canKill) await ending
    // a cluster of our own may end before that
    ending.catch(() => undefined)
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

  it('F20 is upgraded from the build before, and rolled back, and upgraded by Helm 4: no request fails, on kept connections neither', async () => {
    /** Helm waits for the new pods, not for the end of the old ones. */
    const runs = (tag: string) =>
      until(`only ${tag} to run`, async () => {
        const pods: Json[] = (await release.pods('server')).filter(isReady)
        const images = pods.flatMap(({ spec }) => spec.containers.map(({ image }: Json) => image as string))
        return images.length === 2 && images.every((image) => image.endsWith(`:${tag}`))
      })
    const toThis = { chart: 'charts/nauthera', values: { image: { tag: version } } }
    await runs(previousTag)
    let kept: KeepAliveReport | undefined
    const turn = async () => {
      await release.upgrade({ ...toThis, helm: 'helm3' })
      await runs(version)
      await mustRun('helm3', ['rollback', 'second', '1', '-n', release.namespace, '--wait', '--timeout', '180s'], {
        timeoutMs: 200_000,
      })
      await runs(previousTag)
      await release.upgrade({ ...toThis, helm: 'helm4' })
      await runs(version)
    }
    const outcome = await driver.underLoad(async () => {
      kept = await driver.underKeptConnections({ clients: keptConnections, of: 'machine' }, turn)
    })
    const { requests, connections, failures } = kept!
    record({ name: 'upgrade.kept.requests', value: requests, unit: 'requests', target: null })
    record({ name: 'upgrade.kept.connections', value: connections, unit: 'connections', target: null })
    for (const [kind, value] of Object.entries(failuresByKind(failures)))
      record({ name: `upgrade.kept.failed.${kind}`, value, unit: 'requests', target: 0 })
    expect(failures).to.deep.equal([])
    expect(requests).to.be.greaterThan(keptConnections)
    record({ name: 'upgrade.requests', value: outcome.requests, unit: 'requests', target: null })
    record({ name: 'upgrade.failed-requests', value: outcome.failures.length, unit: 'requests', target: 0 })
    expect(outcome.failures).to.deep.equal([])
    expect(outcome.counts['sign-in']?.good).to.be.greaterThan(100)
    await whenClientReady(release.namespace, 'slow-0')
    expect(await kubectl('-n', release.namespace, 'get', 'oidcclients')).to.include('2/2')
  })
})
