import { expect } from 'chai'
import { machine } from '@nauthera/harness/operator/cluster'
import { startPair } from '@nauthera/harness/operator/pair'
import type { Pair } from '@nauthera/harness/operator/pair'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { reportsIn, rotating } from './spoke/reports.ts'

/** How long the hub is away. Milliseconds. */
const awayMs = 300_000

/** Where a rotation stands when the hub goes away. */
interface Phase {
  readonly phase: string
  /** Brings it there. @returns brings the hub back */
  readonly reach: () => Promise<() => void>
  /** The application's Secret gets a new secret when the hub is back, and not before. */
  readonly waits: boolean
  /** The hub ends the secret before by itself. */
  readonly ends?: boolean
}

describe('a spoke whose hub is away for five minutes', () => {
  let pair: Pair
  let operator: TestOperator
  const reports = reportsIn(() => pair)
  const { condition, plain, isAccepted, isRefused, mirror, begin, rotate, loseHub, returnHub } = reports

  beforeEach(async () => {
    pair = await startPair()
    operator = pair.startSpoke({ quietPeriod: '2m' })
    await operator.leading
  })
  afterEach(async () => {
    await pair.stop()
    expect(pair.violations).to.deep.equal([])
  })

  const verifiers = () => mirror()?.spec.secret?.verifiers ?? []
  const isTakenByAll = () => mirror()?.status?.verifiers?.every((one) => one.acceptedByAll) === true
  /** Takes the hub away as soon as it holds, and waits until the spoke says so. */
  const loseHubWhen = async (holds: () => boolean, begun: () => Promise<unknown>) => {
    let back: (() => void) | undefined
    const stop = pair.spoke.api.store.onChange(() => {
      if (back || !holds()) return
      back = pair.takeHubAway()
      stop()
    })
    await begun()
    await pair.until(() => back !== undefined, 'the hub is away')
    return back!
  }
  const loseHubAtPublication = () => {
    const old = plain()
    return loseHubWhen(
      () => plain() !== old,
      () => rotate('1'),
    )
  }

  it('F57 keeps a first secret to itself', async () => {
    const [slow] = pair.replicas
    slow!.hold()
    await pair.spoke.apply('reports', machine)
    await pair.until(() => verifiers().length === 1, 'the hub has the first secret')
    const back = await loseHub()
    slow!.release()
    // longer than a hub without a replica waits before it publishes a first secret
    await pair.pass(awayMs)
    expect(plain()).to.equal(undefined)
    await returnHub(back)
    await pair.until(reports.isReady, 'reports is Ready in the spoke')
    expect(isAccepted(plain()!)).to.equal(true)
  })

  const phases: readonly Phase[] = [
    {
      phase: 'before the new secret is minted',
      waits: true,
      reach: async () => {
        const back = await loseHub()
        await pair.spoke.apply('reports', rotating('1'))
        await pair.until(() => operator.log.told('secret minted').length === 2, 'a second secret is minted')
        return back
      },
    },
    {
      phase: 'when the hub has the new secret, and a replica lacks it',
      waits: true,
      reach: async () => {
        const slow = pair.replicas[1]!
        slow.hold()
        await pair.spoke.apply('reports', rotating('1'))
        await pair.until(() => verifiers().length === 2, 'the hub has the second one')
        const back = await loseHub()
        slow.release()
        await pair.until(isTakenByAll, 'every replica has it now')
        return back
      },
    },
    {
      phase: 'when the new secret is published, and the hub was not told the end of the one before',
      waits: false,
      reach: () => loseHubAtPublication(),
    },
    {
      phase: 'when the new secret is published, and the hub lets no overlap last as long as it is away',
      waits: false,
      reach: async () => {
        const spec = { rotation: { maxOverlap: '3m' } }
        pair.hub.api.set({
          apiVersion: 'auth.nauthera.io/v1alpha1',
          kind: 'OIDCPolicy',
          metadata: { name: 'short' },
          spec,
        })
        await pair.until(() => mirror()?.status?.rotationLimits?.maxOverlap === '3m', 'the hub says so')
        return await loseHubAtPublication()
      },
    },
    {
      phase: 'within the overlap',
      waits: false,
      ends: true,
      reach: async () => {
        await rotate('1')
        await pair.until(() => verifiers().at(-1)?.notAfter, 'the hub knows the end of the one before')
        return await loseHub()
      },
    },
    {
      phase: 'while the one before is kept because it may be used',
      waits: false,
      reach: async () => {
        await rotate('1', { retire: 'WhenUnused', overlap: '1m' })
        await pair.until(() => verifiers().at(-1)?.notAfter, 'the hub knows the end of the one before')
        return await loseHub()
      },
    },
  ]
  for (const { phase, reach, waits, ends = false } of phases)
    it(`F57 ${phase}`, async () => {
      const old = await begin()
      const back = await reach()
      const held = plain()!
      await pair.pass(awayMs)
      await pair.until(() => condition('HubReachable')?.status === 'False', 'the spoke says that the hub is away')
      expect(condition('Ready')?.status).not.to.equal('False')
      expect(plain()).to.equal(held)
      expect([isAccepted(held), isRefused(old)]).to.deep.equal([true, ends])
      if (waits) await pair.until(() => condition('RotationHealthy')?.status === 'False', 'it says that it waits')
      await returnHub(back)
      if (waits) await pair.until(() => plain() !== old, 'the new secret is published')
      await pair.pass(awayMs)
      await pair.until(() => isRefused(old), 'the one before has ended')
      await pair.until(() => mirror()?.status?.verifiers?.length === 1, 'one is left in the hub')
      expect(isAccepted(plain()!)).to.equal(true)
      await pair.until(reports.isReady, 'reports is Ready in the spoke')
      expect(condition('RotationHealthy')?.status).to.equal('True')
    })
})
