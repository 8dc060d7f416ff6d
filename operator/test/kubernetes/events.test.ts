import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import type { ApiCall } from '../../src/kubernetes/connection.ts'
import { createEventRecorder } from '../../src/kubernetes/events.ts'
import type { KubernetesObject } from '../../src/kubernetes/objects.ts'

const accepted = { type: 'Normal', reason: 'ClientAccepted', message: 'client id apps.reports' } as const
const object = (uid: string, namespace = 'apps'): KubernetesObject => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCClient',
  metadata: { namespace, name: 'reports', uid, resourceVersion: '7' },
})

describe('createEventRecorder', () => {
  let clock: ReturnType<typeof createManualClock>
  let recorded: ReturnType<typeof createRecordedLog>
  let calls: (ApiCall & { readonly body: Record<string, unknown> })[]
  let failure: Error | undefined
  let recorder: ReturnType<typeof createEventRecorder>
  const told = async (event: Parameters<typeof recorder.record>[1] = accepted, uid = 'u1') => {
    recorder.record(object(uid), event)
    await recorder.flush()
  }
  const methods = () => calls.map(({ method }) => method)

  beforeEach(() => {
    clock = createManualClock()
    recorded = createRecordedLog()
    calls = []
    failure = undefined
    recorder = createEventRecorder({
      connection: {
        call: async <T>(call: ApiCall) => {
          calls.push(call as (typeof calls)[0])
          if (failure) throw failure
          return {} as T
        },
      },
      component: 'nauthera-operator',
      instance: 'operator-1',
      clock,
      log: recorded.log,
    })
  })

  it('names the object, who says it and when', async () => {
    await told()
    expect(calls[0]).to.include({ method: 'POST', path: '/api/v1/namespaces/apps/events' })
    expect(calls[0]!.body).to.deep.include({
      ...accepted,
      involvedObject: {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        name: 'reports',
        namespace: 'apps',
        uid: 'u1',
        resourceVersion: '7',
      },
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      reportingInstance: 'operator-1',
    })
  })

  it('counts the same event up for ten minutes', async () => {
    for (let count = 0; count < 3; count++) await told()
    expect(methods()).to.deep.equal(['POST', 'PATCH', 'PATCH'])
    expect(calls[2]!.body['count']).to.equal(3)
    await told({ ...accepted, message: 'another' })
    clock.advance(600_000)
    await told()
    expect(methods().slice(3)).to.deep.equal(['POST', 'POST'])
  })

  it('begins again when the API has forgotten the first one', async () => {
    await told()
    failure = new ApiError('KUBERNETES_REFUSED', { message: 'gone', status: 404, reason: 'NotFound' })
    await told()
    expect(methods()).to.deep.equal(['POST', 'PATCH', 'POST'])
  })

  it('records 25 events of one object at once, and one more after five minutes', async () => {
    for (let count = 0; count < 30; count++) await told({ ...accepted, message: String(count) })
    expect(calls.length).to.equal(25)
    await told(accepted, 'another object')
    expect(calls.length).to.equal(26)
    clock.advance(300_000)
    for (let count = 0; count < 2; count++) await told({ ...accepted, message: `later ${count}` })
    expect(calls.length).to.equal(27)
  })

  it('records the good news of 200 objects at once and ten a second after that, and every warning', async () => {
    for (let count = 0; count < 300; count++) await told(accepted, `client ${count}`)
    expect(calls.length).to.equal(200)
    clock.advance(1_000)
    for (let count = 300; count < 400; count++) await told(accepted, `client ${count}`)
    expect(calls.length).to.equal(210)
    for (let count = 0; count < 300; count++) await told({ ...accepted, type: 'Warning' }, `client ${count}`)
    expect(calls.length).to.equal(510)
  })

  it('records the good news of others beside one that says very much', async () => {
    for (let count = 0; count < 300; count++) await told({ ...accepted, message: `again ${count}` }, 'noisy')
    const before = calls.length
    for (let count = 0; count < 10; count++) await told(accepted, `client ${count}`)
    expect([before, calls.length - before]).to.deep.equal([25, 10])
  })

  it('T70 records of a joined cluster 50 events at once and one a second, which take nothing from others', async () => {
    const ofEdge = (count: number, type: 'Normal' | 'Warning') =>
      recorder.record(object(`edge ${count}`, 'nauthera-cluster-edge'), { ...accepted, type })
    for (let count = 0; count < 2_000; count++) ofEdge(count, count % 2 === 0 ? 'Normal' : 'Warning')
    await recorder.flush()
    expect(calls.length).to.equal(50)
    clock.advance(2_000)
    for (let count = 2_000; count < 2_100; count++) ofEdge(count, 'Warning')
    await recorder.flush()
    expect(calls.length).to.equal(52)
    for (const namespace of ['apps', 'nauthera-cluster-far'])
      for (let count = 0; count < 50; count++) recorder.record(object(`${namespace} ${count}`, namespace), accepted)
    await recorder.flush()
    expect(calls.length).to.equal(152)
  })

  it('never throws: what is lost is logged once in ten seconds', async () => {
    failure = new ApiError('KUBERNETES_UNREACHABLE', { message: 'no answer' })
    await told()
    await told()
    expect(recorded.told('event lost').length).to.equal(1)
    clock.advance(10_000)
    await told()
    expect(recorded.told('event lost').length).to.equal(2)
  })
})
