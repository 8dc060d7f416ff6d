import { expect } from 'chai'
import type { Condition, OIDCClientStatus } from '../../src/api/client-status.ts'
import { findingOfHub, hubReachable, waitsForHub, withHub } from '../../src/decide/status/hub-status.ts'
import type { HubReport } from '../../src/decide/status/hub-status.ts'

const condition = (type: string): Condition => ({
  type,
  status: 'True',
  reason: 'Fine',
  message: 'as the hub says',
  lastTransitionTime: '2026-11-30T12:00:00Z',
})
const finding = { status: 'True', reason: 'Fine', message: 'as the hub says' } as const
const report = (change: Partial<HubReport> = {}): HubReport => ({
  status: { conditions: [condition('Accepted'), condition('SecretReady'), condition('RedirectsFollowed')] },
  isPresent: true,
  verifiersGeneration: undefined,
  refusal: undefined,
  fault: undefined,
  isListed: false,
  ...change,
})
const here = { kind: 'here' }
const said = (what: object | undefined) => ({ kind: 'said', finding: what })

describe(findingOfHub.name, () => {
  it('is what the hub says, once its status is about this generation', () => {
    expect(findingOfHub('Accepted', report(), true)).to.deep.equal(said(finding))
    const waiting = { status: 'Unknown', reason: 'WaitingForHub' }
    const past = findingOfHub('Accepted', report({ isPresent: false }), true)
    expect(past).to.deep.equal(said({ ...waiting, message: 'the hub has not judged this version yet' }))
    const fault = { reason: 'HubAway', message: 'no answer' }
    expect(findingOfHub('Accepted', report({ isPresent: false, fault }), true)).to.deep.equal(
      said({ ...waiting, message: 'the hub has not judged this version: no answer' }),
    )
  })

  it('is nothing where the hub says nothing and nobody needs it', () => {
    expect(findingOfHub('Live', report(), false)).to.deep.equal(said(undefined))
    expect(findingOfHub('Live', report({ status: undefined }), false)).to.deep.equal(said(undefined))
    expect(findingOfHub('Live', report(), true)).to.have.nested.property('finding.reason', 'WaitingForHub')
  })

  it('is found here about routes, and about the Secret unless the client lists its secrets', () => {
    for (const type of ['RedirectsFollowed', 'SecretReady', 'RotationHealthy'])
      expect(findingOfHub(type, report(), true), type).to.deep.equal(here)
    expect(findingOfHub('SecretReady', report({ isListed: true }), true)).to.deep.equal(said(finding))
    expect(findingOfHub('RedirectsFollowed', report({ isListed: true }), true)).to.deep.equal(here)
  })

  it('is the refusal where the hub takes no mirror, and the rest is found here', () => {
    const refusal = { reason: 'InvalidSpec', message: 'spec.origin: no' }
    expect(findingOfHub('Accepted', report({ refusal }), true)).to.deep.equal(said({ status: 'False', ...refusal }))
    expect(findingOfHub('Live', report({ refusal }), true)).to.deep.equal(here)
  })
})

describe(hubReachable.name, () => {
  it('says why the hub cannot be believed', () => {
    expect(hubReachable({ fault: undefined })).to.include({ status: 'True', reason: 'HubReachable' })
    const fault = { reason: 'HubAway', message: 'no answer' }
    expect(hubReachable({ fault })).to.deep.equal({ status: 'False', ...fault })
  })
})

describe(waitsForHub.name, () => {
  it('names what waits: to mint, to store and to hear of replicas, nothing else', () => {
    const waiting = (kind: Parameters<typeof waitsForHub>[0]['kind']) =>
      waitsForHub({ kind } as Parameters<typeof waitsForHub>[0], 'no answer')
    for (const kind of ['mint', 'write-shard', 'await-replicas'] as const)
      expect(waiting(kind), kind).to.match(/until it answers; no answer$/)
    expect(waiting('publish')).to.equal(undefined)
  })
})

describe(withHub.name, () => {
  const own: OIDCClientStatus = {
    observedGeneration: 9,
    replicas: { loaded: 0, total: 0 },
    effective: { type: 'Web', rotation: { interval: '30d' } },
  } as OIDCClientStatus
  const status: OIDCClientStatus = {
    observedGeneration: 4,
    revision: '01234567',
    replicas: { loaded: 2, total: 2 },
    effective: { type: 'Native', rotation: { interval: '1d' } },
    verifiers: [{ id: 'v1' }],
    verifiersGeneration: 4,
    endedVerifiers: ['v0'],
    rotationLimits: { minInterval: '1h' },
  } as unknown as OIDCClientStatus

  it('takes what the hub alone knows, and keeps the rotation of here', () => {
    expect(withHub(own, report({ status }))).to.deep.equal({
      ...own,
      revision: '01234567',
      replicas: { loaded: 2, total: 2 },
      effective: { type: 'Native', rotation: { interval: '30d' } },
    })
  })

  it('is the own one before there is a mirror', () => {
    for (const isListed of [false, true])
      expect(withHub(own, report({ status: undefined, isListed }))).to.deep.equal(own)
  })

  it('takes verifiers too where the client lists its secrets', () => {
    const { verifiers, endedVerifiers, rotationLimits } = status
    const listed = withHub(own, report({ status, isListed: true, verifiersGeneration: 9 }))
    expect(listed).to.deep.include({ verifiers, endedVerifiers, rotationLimits, verifiersGeneration: 9 })
  })

  it('says no generation of them that the hub has not: that the mirror lists them proves nothing', () => {
    const sent = { ...own, verifiersGeneration: 9 }
    expect(withHub(sent, report({ status, isListed: true }))).not.to.have.property('verifiersGeneration')
    expect(withHub(sent, report({ status, isListed: true, verifiersGeneration: 8 }))).to.include({
      verifiersGeneration: 8,
    })
  })
})
