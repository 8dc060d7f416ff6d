import { expect } from 'chai'
import { issuersSecretName, platformKeysFile } from '@nauthera/proto/names'
import { startCluster } from '@nauthera/harness/operator/cluster'
import { release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { startOperatorProcess } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'

type Fault = Parameters<Cluster['api']['faults']['add']>[0]

// The keys with which the servers judge tokens of ServiceAccounts: an operator that dies on the way takes none away.

describe('F11 T32 an operator that is killed while it tells the keys of the cluster', function () {
  this.timeout(90_000)
  const name = issuersSecretName(release)
  let cluster: Cluster
  let operators: OperatorProcess[]
  beforeEach(async () => {
    cluster = await startCluster()
    operators = []
  })
  afterEach(async () => {
    await Promise.all(operators.map((operator) => operator.end()))
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const start = async (identity: string) => {
    const operator = await startOperatorProcess(cluster, identity)
    operators.push(operator)
    return operator
  }
  const stored = () => cluster.secret(name, releaseNamespace)?.data[platformKeysFile]
  const told = () =>
    JSON.parse(Buffer.from(stored() ?? '', 'base64').toString() || '{}') as {
      keys?: { jwk: { kid: string }; notAfter?: string }[]
    }
  const published = () => cluster.api.accountKeys.jwks.keys.map((key) => (key as { kid: string }).kid)

  const rows: readonly [sentence: string, fault: Fault, isWritten: boolean][] = [
    ['while it reads them', { when: ({ path }) => path === '/openid/v1/jwks', effect: { kind: 'silence' } }, false],
    [
      'after it has read them, and before it has written them',
      { when: (request) => request.name === name && request.verb !== 'get', effect: { kind: 'silence' } },
      false,
    ],
    [
      'after it has written them, and before it knows that',
      { when: (request) => request.name === name && request.verb !== 'get', effect: { kind: 'lose-answer' } },
      true,
    ],
  ]
  for (const [sentence, fault, isWritten] of rows)
    it(`${sentence}: none is lost, and the next operator brings it to its end`, async () => {
      const first = await start('operator-first')
      await cluster.until(() => stored() !== undefined, 'the keys are told', 20_000)
      const [before, old] = [stored(), published()[0]!]
      first.kill('SIGTERM')
      await first.ended
      cluster.api.accountKeys.publish().signs()
      cluster.api.accountKeys.remove()
      expect(published()).to.not.include(old)

      let hasMet = false
      const remove = cluster.api.faults.add({ ...fault, when: (request) => fault.when(request) && (hasMet = true) })
      const second = await start('operator-second')
      await cluster.until(() => hasMet && (!isWritten || stored() !== before), 'it is in the middle of it', 20_000)
      second.kill('SIGKILL')
      await second.ended
      if (!isWritten) expect(stored(), 'the last good keys').to.equal(before)
      remove()
      cluster.api.store.remove(cluster.api.resource('leases'), releaseNamespace, 'nauthera-operator')

      await start('operator-third')
      await cluster.until(() => told().keys?.length === 2, 'both keys are told', 20_000)
      const [next, dropped] = told().keys!
      expect([next!.jwk.kid, next!.notAfter]).to.deep.equal([published()[0], undefined])
      expect(dropped!.jwk.kid).to.equal(old)
      expect(Date.parse(dropped!.notAfter!) - Date.now()).to.be.within(500_000, 600_000)
    })
})
