import { expect } from 'chai'
import { failuresByKind } from '../faults/support/keep-alive-load.ts'
import { whenClientReady } from './support/clients.ts'
import { kubectl } from './support/kubernetes.ts'
import { canKill } from './support/pods.ts'
import { record } from './support/report.ts'
import { begunUpgrade, keptConnections } from './support/upgrade.ts'

describe('an upgrade of the second release', function () {
  this.timeout(300_000)
  let upgrade: Awaited<NonNullable<ReturnType<typeof begunUpgrade>>>

  before(async function () {
    const begun = begunUpgrade()
    if (begun === undefined) {
      process.stderr.write('ci/e2e/releases.e2e.ts has not run: no upgrade is tested\n')
      this.skip()
    }
    upgrade = await begun
  })
  after(async () => {
    const ending = upgrade?.release.uninstall()
    if (!canKill) await ending
    // a cluster of our own may end before that
    ending?.catch(() => undefined)
  })

  it('F20 goes from the build before to this one, and back, and here again by Helm 4: no request fails, on kept connections neither', async () => {
    const { release, outcome } = upgrade
    const { requests, connections, failures } = upgrade.kept
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
