import { expect } from 'chai'
import { digestOf, shortDigest } from '@nauthera/proto/digest'
import { changedDefinitions } from '@nauthera/harness/operator/changed-definitions'
import { machine } from '@nauthera/harness/operator/cluster'
import { startPair } from '@nauthera/harness/operator/pair'
import type { Pair } from '@nauthera/harness/operator/pair'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { ApiRequest } from '@nauthera/stand-in/http/request'
import { reportsIn, rotating } from './spoke/reports.ts'

/** As the hub knows it. */
const mirrorKey = 'nauthera-cluster-edge/apps.reports'
const minute = 60_000

describe('a spoke, when something breaks', () => {
  let pair: Pair
  let operator: TestOperator
  const reports = reportsIn(() => pair)
  const { condition, plain, isReady, isAccepted, isRefused, mirror, status, begin, rotate } = reports

  const start = async (settings: Record<string, unknown> = {}) => {
    operator = pair.startSpoke(settings)
    await operator.leading
  }
  beforeEach(async () => {
    pair = await startPair()
  })
  afterEach(async () => {
    await pair.stop()
    expect(pair.violations).to.deep.equal([])
  })

  const isListed = (secret: string) =>
    mirror()?.spec.secret?.verifiers?.some(({ sha256 }) => sha256 === digestOf(secret)) === true
  const untilReason = (reason: string) =>
    pair.until(() => condition('HubReachable')?.reason === reason, `the spoke says ${reason}`)
  /** Writes of clients in the hub. */
  const writes = (from: number) =>
    pair.calls(from).filter((call) => /^(create|update|patch|delete) oidcclients/.test(call))

  it('F58 is away in the middle of a rotation: programs go on, and the hub ends what has an end', async () => {
    await start()
    const old = await begin()
    const held = await rotate('1')
    await pair.until(() => mirror()?.spec.secret?.verifiers?.at(-1)?.notAfter, 'the hub knows the end')
    await operator.stop()
    const { spec } = mirror()!
    await pair.hubOperator.pass(5 * minute)
    expect([isAccepted(held), mirror()!.spec]).to.deep.equal([true, spec])
    expect(isRefused(old)).to.equal(true)
  })

  it('F62 refuses no program while its hub is set back to yesterday, and what ended since stays ended', async () => {
    await start()
    const yesterday = await begin()
    const restore = pair.backUpHub()
    const today = await rotate('1')
    await pair.spoke.apply('later', machine)
    await pair.pass(125_000)
    await pair.until(() => isRefused(yesterday), 'the one before has ended')
    await pair.until(() => pair.spoke.condition('later', 'Ready')?.status === 'True', 'later is Ready')
    const later = pair.spoke.plain('later')!
    const broken: string[] = []
    const stop = pair.hub.api.store.onChange(({ object }) => {
      const holds = {
        today: isAccepted(today),
        later: pair.acceptedBy('later', later).every(Boolean),
        yesterday: isRefused(yesterday),
      }
      const wrong = Object.entries(holds).flatMap(([name, isFine]) => (isFine ? [] : [name]))
      if (wrong.length > 0) broken.push(`${wrong.join(', ')} at a change of ${object.metadata.name}`)
    })
    await restore()
    await pair.pass(40_000)
    await pair.until(() => isListed(today) && pair.mirror('later'), 'the mirrors are put back')
    await pair.pass(70_000)
    const taken = () => mirror()?.status?.verifiers?.map(({ id, acceptedByAll }) => [id, acceptedByAll])
    await pair.until(
      () => JSON.stringify(taken()) === JSON.stringify([[shortDigest(digestOf(today)), true]]),
      'the hub serves the newer secret alone',
    )
    await pair.until(() => isReady() && condition('HubReachable')?.status === 'True', 'reports is Ready in the spoke')
    expect([plain(), pair.spoke.plain('later')]).to.deep.equal([today, later])
    stop()
    expect(broken).to.deep.equal([])
  })

  it('F63 is copied with its values: the copy is told so, and writes and removes nothing until it takes over', async () => {
    await start()
    const secret = await begin()
    const from = pair.hub.api.requests.length
    const copy = await pair.startCopy()
    const told = (reason: string) => copy.log.told('the hub cannot be used').some((line) => line['reason'] === reason)
    await pair.until(() => told('ClusterTaken'), 'the copy says so')
    // two sweeps
    await pair.pass(130_000)
    expect(writes(from)).to.deep.equal([])
    expect(isAccepted(secret)).to.equal(true)
    expect(condition('HubReachable')?.status).to.equal('True')
  })

  it('F63 has a second release with its name: that one is told so, and removes no client that it does not watch', async () => {
    await start()
    const secret = await begin()
    const from = pair.hub.api.requests.length
    const watch = { mode: 'namespaces', namespaces: ['elsewhere'] }
    const second = pair.startSpoke({ release: 'second', watch })
    await second.leading
    const told = () => second.log.told('the hub cannot be used').some(({ reason }) => reason === 'ClusterTaken')
    await pair.until(told, 'the second release says so')
    // two sweeps
    await pair.pass(130_000)
    expect(writes(from)).to.deep.equal([])
    expect(isAccepted(secret)).to.equal(true)
  })

  it('F65 writes nothing while its clock and that of the hub differ by more than a minute', async () => {
    await start()
    const old = await begin()
    const from = pair.hub.api.requests.length
    await pair.hubOperator.pass(100_000)
    await pair.pass(12_000)
    await untilReason('ClockSkew')
    await pair.spoke.apply('reports', rotating('1'))
    await pair.pass(60_000)
    expect([writes(from), plain()]).to.deep.equal([[], old])
    await operator.pass(100_000)
    await pair.pass(12_000)
    await pair.until(() => plain() !== old, 'the clocks agree, and the rotation goes on')
  })

  it('F65 corrects a smaller difference, so that a secret ends when it says', async () => {
    await start()
    const old = await begin()
    await pair.hubOperator.pass(40_000)
    await pair.pass(12_000)
    await rotate('1')
    await pair.until(() => status()?.secret?.previous?.length === 1, 'the overlap has begun')
    const end = Date.parse(status()!.secret!.previous![0]!.expiresAt!)
    expect(Math.abs(end - pair.hubOperator.clock.now() - 2 * minute)).to.be.below(15_000)
    await pair.pass(130_000)
    await pair.until(() => isRefused(old), 'the one before has ended')
  })

  it('P9 keeps the secret before while the hub says that it is used, and ends it when it is not', async () => {
    await start({ quietPeriod: '5m' })
    const old = await begin()
    const id = shortDigest(digestOf(old))
    await rotate('1', { retire: 'WhenUnused' })
    for (let turn = 0; turn < 3; turn++) {
      await pair.pass(2 * minute)
      pair.replicas[0]!.use(mirrorKey, id, pair.hubOperator.clock.now())
      await pair.pass(2 * minute)
      expect(isAccepted(old)).to.equal(true)
    }
    await pair.until(() => status()?.secret?.previous?.[0]?.lastUsed, 'its last use is shown here')
    // the hub tells of uses every ten minutes
    await pair.pass(14 * minute)
    await pair.until(() => isRefused(old), 'nobody has used it for the quiet period')
    await pair.until(() => status()?.secret?.previous === undefined, 'the spoke says that it has ended')
  })

  describe('F67 whose hub answers in bursts', () => {
    const isSpoke = ({ userAgent }: ApiRequest) => userAgent === 'nauthera-operator/0.0.0-test'
    /** Of each twelve requests eight are refused, by turns with 429 and with 500; what is watched has expired.
     *  @returns ends it */
    const startStorm = (meets: (request: ApiRequest) => boolean): (() => void) => {
      let asked = 0
      const isBad = (request: ApiRequest) => isSpoke(request) && meets(request) && asked++ % 12 < 8
      const { faults } = pair.hub.api
      const ends = [
        faults.add({
          when: (request) => isSpoke(request) && request.verb === 'watch',
          effect: { kind: 'refuse', code: 410 },
        }),
        faults.add({
          when: (request) => asked % 24 >= 12 && isBad(request),
          effect: { kind: 'refuse', code: 429, retryAfterSeconds: 2 },
        }),
        faults.add({ when: isBad, effect: { kind: 'refuse', code: 500 } }),
      ]
      for (const watch of pair.hub.api.watches) if (watch.user === 'edge') watch.reset()
      return () => {
        for (const end of ends) end()
      }
    }
    const names = ['reports', 'second', 'third', 'fourth']
    const all = (holds: (name: string) => unknown) => names.every((name) => holds(name))
    const isReadyIn = (name: string) => pair.spoke.condition(name, 'Ready')?.status === 'True'
    const startAll = async () => {
      await start()
      for (const name of names) await pair.spoke.apply(name, machine)
      await pair.until(() => all(isReadyIn), 'all are Ready')
    }

    it('rotates through it: calls stay few, and no program is refused', async () => {
      await startAll()
      const olds = new Map(names.map((name) => [name, pair.spoke.plain(name)!]))
      const end = startStorm(() => true)
      const from = pair.hub.api.requests.length
      for (const name of names) await pair.spoke.apply(name, rotating('1'))
      await pair.pass(3 * minute)
      expect(pair.calls(from).length).to.be.below(400)
      expect(all((name) => pair.acceptedBy(name, pair.spoke.plain(name)!).every(Boolean))).to.equal(true)
      end()
      await pair.pass(35_000)
      await pair.until(() => all((name) => pair.spoke.plain(name) !== olds.get(name)), 'all have a new secret')
      await pair.pass(2 * minute)
      await pair.until(
        () => all((name) => !pair.acceptedBy(name, olds.get(name)!).includes(true)),
        'those before have ended',
      )
      await pair.until(() => all(isReadyIn), 'all are Ready')
    })

    it('sees after it what somebody did meanwhile, and removes nothing that it could not list', async () => {
      await startAll()
      const end = startStorm(({ verb }) => verb === 'list' || verb === 'get')
      const { name, namespace } = mirror()!.metadata
      await pair.hub.apply(name, { ...mirror()!.spec, scopes: ['stolen'] }, { namespace })
      const from = pair.hub.api.requests.length
      await pair.pass(2 * minute)
      expect(pair.calls(from).length).to.be.below(400)
      end()
      await pair.pass(35_000)
      await pair.until(() => mirror()?.spec.scopes?.[0] === 'reports.read', 'the edit is undone')
      expect(writes(from).filter((call) => call.startsWith('delete'))).to.deep.equal([])
      await pair.until(() => all(isReadyIn), 'all are Ready')
    })
  })

  describe('F66 of another version than its hub', () => {
    const restart = async (edit: Parameters<typeof changedDefinitions>[0]) => {
      await pair.stop()
      pair = await startPair({ definitions: changedDefinitions(edit) })
      await start()
    }

    it('an older hub does not know a field: a client that sets it says HubTooOld, and the others go on', async () => {
      // the API server here fills its default into every client
      await restart((spec) => delete spec['par'])
      await begin()
      await pair.spoke.apply('pushed', { ...machine, par: true })
      const accepted = () => pair.spoke.condition('pushed', 'Accepted')
      await pair.until(() => accepted()?.reason === 'HubTooOld', 'the status says so')
      expect(accepted()?.message).to.contain('update the hub')
      expect(pair.spoke.plain('pushed')).to.equal(undefined)
      const from = pair.hub.api.requests.length
      await pair.pass(20_000)
      expect(writes(from)).to.deep.equal([])
    })

    it('an older hub does not know what stops a client beside its version: a valid one is stopped, and a refused one says who serves it on', async () => {
      await restart((spec) => {
        delete spec['restraint']
        delete spec['par']
      })
      await begin()
      const active = () => pair.spoke.condition('reports', 'Active')
      await pair.spoke.apply('reports', { ...machine, suspended: true })
      await pair.until(() => active()?.status === 'False', 'it is stopped')
      expect(mirror()?.spec.suspended).to.equal(true)
      await pair.spoke.apply('reports', machine)
      await pair.until(() => active()?.status === 'True', 'it goes on')
      await pair.spoke.apply('reports', { ...machine, par: true, suspended: true })
      const accepted = () => pair.spoke.condition('reports', 'Accepted')
      await pair.until(() => accepted()?.message.includes('what stops it is not taken: '), 'the client says so')
      expect(accepted()?.reason).to.equal('HubTooOld')
      expect(active()?.status).to.equal('Unknown')
      expect(active()?.message).to.contain('these replicas may still serve it: the hub')
    })

    it('a newer hub fills in fields that the spoke does not know: a mirror is written once', async () => {
      await restart((spec) => {
        spec['later'] = { type: 'string', default: 'of a later version' }
      })
      const from = pair.hub.api.requests.length
      await pair.spoke.apply('reports', machine)
      await pair.until(() => mirror(), 'the hub has the mirror')
      expect(mirror()!.spec).to.have.property('later')
      await pair.pass(2 * minute)
      expect(writes(from)).to.deep.equal(['create oidcclients'])
    })
  })
})
