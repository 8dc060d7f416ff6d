import { expect } from 'chai'
import { machine } from '@nauthera/harness/operator/cluster'
import { startPair } from '@nauthera/harness/operator/pair'
import type { Pair } from '@nauthera/harness/operator/pair'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'

const rotating = (trigger: string) => ({
  ...machine,
  rotation: { trigger, overlap: '2m', retire: 'AfterOverlap' },
})

describe('a spoke at work', function () {
  this.timeout(600_000)
  let pair: Pair
  let operator: TestOperator

  const isReady = (name: string) => pair.spoke.condition(name, 'Ready')?.status === 'True'

  beforeEach(async () => {
    pair = await startPair()
    operator = pair.startSpoke()
    await operator.leading
  })
  afterEach(async () => {
    await pair.stop()
    expect(pair.violations).to.deep.equal([])
  })

  it('rotates thirty times while programs use what lies in the Secret, and none is refused', async () => {
    await pair.spoke.apply('reports', machine)
    await pair.until(() => isReady('reports'), 'reports is Ready')
    let [uses, refused, isUsed] = [0, 0, true]
    const use = async () => {
      while (isUsed) {
        const taken = pair.acceptedBy('reports', pair.spoke.plain('reports')!)
        uses += taken.length
        refused += taken.filter((one) => !one).length
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
    const program = use()
    const from = pair.hub.api.requests.length
    for (let round = 1; round <= 30; round++) {
      const old = pair.spoke.plain('reports')
      await pair.spoke.apply('reports', rotating(String(round)))
      await pair.until(() => pair.spoke.plain('reports') !== old, `secret ${round} is published`)
      await pair.pass(124_000)
      const previous = () => pair.spoke.client('reports')?.status?.secret?.previous
      await pair.until(() => previous() === undefined, `the secret before ${round} has ended`)
    }
    isUsed = false
    await program
    expect(refused).to.equal(0)
    expect(uses).to.be.greaterThan(1_000)
    const writes = pair.calls(from).filter((call) => /^(create|update|patch|delete|get) oidcclients/.test(call))
    // announced and published; now and then the hub writes at the same moment
    expect(writes.length).to.be.at.most(30 * 4)
  })

  it('makes a hundred clients Ready, one after the other, within seconds and with four calls each at most', async () => {
    const took: number[] = []
    const from = pair.hub.api.requests.length
    for (let index = 0; index < 100; index++) {
      const name = `app-${index}`
      const begunAt = performance.now()
      await pair.spoke.apply(name, machine)
      await pair.until(() => isReady(name), `${name} is Ready`)
      took.push(performance.now() - begunAt)
    }
    const sorted = took.toSorted((one, other) => one - other)
    const calls = pair.calls(from).filter((call) => call.endsWith('oidcclients') && !/^(watch|list)/.test(call))
    expect(calls.length).to.be.at.most(400)
    expect(sorted[98]).to.be.below(10_000)
  })
})
