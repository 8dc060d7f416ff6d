import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'

describe('createNudge', () => {
  let cluster: Cluster
  let replicas: TestReplica[]
  let operator: TestOperator

  const patches = () =>
    cluster.api.requests.filter(({ verb, resource }) => verb === 'patch' && resource?.plural === 'pods')
  const patchesOf = (name: string) => patches().filter((request) => request.name === name).length
  const revisionOf = (name: string) =>
    cluster.api.store.find(cluster.api.resource('pods'), releaseNamespace, name)?.metadata.annotations?.[
      annotations.clientsRevision
    ]
  const start = async (settings: Record<string, unknown> = {}) => {
    operator = cluster.startOperator({ settings })
    await operator.leading
    await cluster.until(() => operator.log.told('manifest written').length > 0, 'the set is complete')
  }
  const isReady = () => cluster.condition('reports', 'Ready')?.status === 'True'

  beforeEach(async () => {
    cluster = await startCluster()
    replicas = await Promise.all(['a', 'b'].map((name) => cluster.startReplica(`server-${name}`)))
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('changes one annotation of each server pod, which names the revision', async () => {
    await start()
    await cluster.until(
      () => revisionOf('server-a') !== undefined && revisionOf('server-b') !== undefined,
      'both are nudged',
    )
    const revision = String(operator.log.told('manifest written').at(-1)!['revision'])
    await cluster.until(() => revisionOf('server-a')!.startsWith(`${revision}.`), 'the newest revision is named')
  })

  it('nudges again a pod that has not acknowledged, with another value, and no other', async () => {
    await start()
    operator.clock.leap(6_000)
    replicas[1]!.hold()
    await cluster.apply('reports', machine)
    await cluster.until(() => operator.log.told('manifest written').length > 1, 'the client is written')
    await cluster.until(
      () => patchesOf('server-b') > 0 && patches().every(({ code }) => code !== undefined),
      'the first nudge',
    )
    const [before, b] = [revisionOf('server-b'), patchesOf('server-b')]
    operator.clock.leap(3_500)
    await cluster.until(() => patchesOf('server-b') > b, 'the second nudge')
    await cluster.until(() => revisionOf('server-b') !== before, 'it has another value')
    const [a, again] = [patchesOf('server-a'), patchesOf('server-b')]
    operator.clock.leap(6_500)
    await cluster.until(() => patchesOf('server-b') > again, 'the third nudge')
    expect(patchesOf('server-a')).to.equal(a)
    replicas[1]!.release()
    await cluster.until(isReady, 'reports is Ready')
    const last = patchesOf('server-b')
    operator.clock.leap(7_000)
    await cluster.until(() => cluster.api.requests.at(-1)?.resource?.plural === 'leases', 'time has passed')
    expect(patchesOf('server-b')).to.equal(last)
  })

  it('F40 warns once without the right to do so, and goes the slow way', async () => {
    cluster.api.faults.add({
      when: ({ verb, resource }) => verb === 'patch' && resource?.plural === 'pods',
      effect: { kind: 'refuse', code: 403 },
    })
    await start()
    await cluster.until(() => operator.log.told('nudge forbidden').length === 1, 'the warning')
    const tried = patches().length
    for (let edit = 0; edit < 5; edit++) {
      await cluster.apply('reports', { ...machine, description: `edit ${edit}` })
      await cluster.until(() => cluster.stored('reports')?.desired?.description === `edit ${edit}`, 'it is stored')
    }
    await cluster.until(isReady, 'reports is Ready')
    operator.clock.leap(7_000)
    await cluster.until(() => cluster.api.requests.at(-1)?.resource?.plural === 'leases', 'time has passed')
    expect(operator.log.told('nudge forbidden').length).to.equal(1)
    expect(patches().length).to.be.at.most(tried + 1)
  })

  it('F40 goes on after a nudge that failed or was lost', async () => {
    cluster.api.faults.add({
      when: ({ verb, resource }) => verb === 'patch' && resource?.plural === 'pods',
      effect: { kind: 'refuse', code: 500 },
      times: 3,
    })
    replicas[0]!.hold()
    await start()
    await cluster.until(() => patches().length >= 2, 'the first nudges')
    operator.clock.leap(3_500)
    await cluster.until(() => patchesOf('server-a') > 1, 'another try')
    operator.clock.leap(7_000)
    await cluster.until(() => revisionOf('server-a') !== undefined, 'it arrives')
  })

  it('patches no pod when it is switched off, and needs no right to', async () => {
    await start({ nudge: false })
    await cluster.apply('reports', machine)
    await cluster.until(isReady, 'reports is Ready')
    expect(patches()).to.deep.equal([])
  })
})
