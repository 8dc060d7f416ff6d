import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { Outcome } from '../../src/decide/status/outcome.ts'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import type { ApiCall } from '../../src/kubernetes/connection.ts'
import { createWriteStatus } from '../../src/status/write-status.ts'
import { client as clientOf } from '../decide/clients.ts'
import { outcome as outcomeOf } from '../decide/outcomes.ts'
import type { OutcomeChange } from '../decide/outcomes.ts'

describe('createWriteStatus', () => {
  let clock: ReturnType<typeof createManualClock>
  let applied: ApiCall[]
  let events: string[]
  let failure: Error | undefined
  let writeStatus: ReturnType<typeof createWriteStatus>
  let client: OIDCClient
  let watched: string | undefined

  const outcome = (more: OutcomeChange = {}): Outcome =>
    outcomeOf({
      client: writeStatus.withLatest(client),
      secret: { kind: 'pending', name: 'app-oidc' },
      rotation: undefined,
      rotationSettings: undefined,
      propagation: undefined,
      revision: undefined,
      now: clock.now(),
      ...more,
    })
  const refused: OutcomeChange = {
    acceptance: { kind: 'invalid', wanted: 'demo.app', faults: [{ path: 'spec.type', message: 'must be Web' }] },
  }

  beforeEach(() => {
    clock = createManualClock()
    applied = []
    events = []
    failure = undefined
    watched = undefined
    client = clientOf({}, { resourceVersion: '1' })
    writeStatus = createWriteStatus({
      connection: {
        call: async <T>(call: ApiCall) => {
          applied.push(call)
          if (failure) throw failure
          return { metadata: { resourceVersion: String(applied.length + 1) } } as T
        },
      },
      events: { record: (_object, { reason }) => void events.push(reason) },
      clock,
      watched: () => watched,
    })
  })

  it('applies under the version that it was planned from, and tells the events', async () => {
    await writeStatus.write(outcome(refused), false)
    expect(applied[0]).to.deep.include({
      method: 'PATCH',
      query: { fieldManager: 'nauthera-operator-status', force: 'true' },
    })
    expect(applied[0]!.body).to.have.nested.property('metadata.resourceVersion', '1')
    expect(events).to.deep.equal(['InvalidSpec'])
  })

  it('says nothing twice, though the watch has not brought the first one', async () => {
    await writeStatus.write(outcome(refused), false)
    await writeStatus.write(outcome(refused), false)
    expect(applied.length).to.equal(1)
    expect(events.length).to.equal(1)
  })

  it('tells of an unfinished state when it has lasted a second, and then each five seconds', async () => {
    expect(await writeStatus.write(outcome(), true)).to.deep.equal({ again: 1_000 })
    clock.advance(400)
    expect(await writeStatus.write(outcome(), true)).to.deep.equal({ again: 600 })
    clock.advance(600)
    expect(await writeStatus.write(outcome(), true)).to.deep.equal({})
    expect(applied.length).to.equal(1)
    const next: OutcomeChange = { policies: ['strict'] }
    expect(await writeStatus.write(outcome(next), true)).to.deep.equal({ again: 5_000 })
    expect(await writeStatus.write(outcome(next), false), 'a finished one waits for nothing').to.deep.equal({})
    expect(applied.length).to.equal(2)
  })

  it('lets it last longer where very many are unfinished: each is finished in its turn', async () => {
    const named = (index: number) => clientOf({}, { name: `client-${index}` })
    for (let index = 0; index < 2_000; index++) await writeStatus.write(outcome({ client: named(index) }), true)
    expect(await writeStatus.write(outcome(), true)).to.deep.equal({ again: 4_000 })
    expect(writeStatus.wouldReportUnfinished('demo/client-0')).to.equal(false)
    clock.advance(1_000)
    expect(writeStatus.wouldReportUnfinished('demo/client-0')).to.equal(true)
    expect(writeStatus.wouldReportUnfinished('demo/client-1999')).to.equal(false)
  })

  it('keeps no status that the watch has brought already', async () => {
    watched = '2'
    await writeStatus.write(outcome(refused), false)
    expect(writeStatus.withLatest(client)).to.equal(client)
  })

  it('F33 comes again when somebody wrote to the object at the same time, and tells no event', async () => {
    failure = new ApiError('KUBERNETES_REFUSED', { message: 'conflict', status: 409, reason: 'Conflict' })
    expect(await writeStatus.write(outcome(refused), false)).to.deep.equal({ again: 200 })
    expect(events).to.deep.equal([])
    expect(writeStatus.withLatest(client)).to.equal(client)
  })

  describe('withLatest', () => {
    beforeEach(() => writeStatus.write(outcome(refused), false))

    it('shows the status that was applied when the watch has not brought it yet', () => {
      const latest = writeStatus.withLatest(client)
      expect(latest.metadata.resourceVersion).to.equal('2')
      expect(latest.status?.conditions?.[0]).to.include({ type: 'Accepted', status: 'False' })
    })
    it('shows what the watch has brought after ten seconds, edits of others included', () => {
      clock.advance(10_001)
      expect(writeStatus.withLatest(client)).to.equal(client)
    })
    it('K1 does not show it for another object of the same name', () => {
      const other = clientOf({}, { uid: 'another' })
      expect(writeStatus.withLatest(other)).to.equal(other)
    })
    it('forgets it with the client', () => {
      writeStatus.remove('demo/app')
      expect(writeStatus.withLatest(client)).to.equal(client)
    })
  })
})
