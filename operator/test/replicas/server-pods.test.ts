import { expect } from 'chai'
import type { PodObject } from '../../src/kubernetes/objects.ts'
import { isSamePod, noServerPods, onPods } from '../../src/replicas/server-pods.ts'

const agent = { name: 'config-agent', started: true, restartCount: 0 }
const pod = (
  name: string,
  status: PodObject['status'] = {},
  metadata: Partial<PodObject['metadata']> = {},
): PodObject => ({
  metadata: { name, uid: `uid-${name}`, ...metadata },
  status: { podIP: '10.0.0.1', phase: 'Running', initContainerStatuses: [agent], ...status },
})
const asked = (...pods: PodObject[]) => [...onPods(noServerPods, pods).asked.keys()]

describe('onPods', () => {
  const rows: readonly [sentence: string, pod: PodObject, isAsked: boolean][] = [
    ['a running pod', pod('a'), true],
    ['a pod without an address', pod('a', { podIP: '' }), false],
    ['a pod that is going', pod('a', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), false],
    ['a pod that has ended', pod('a', { phase: 'Succeeded' }), false],
    ['a pod that has failed', pod('a', { phase: 'Failed' }), false],
    ['a pod whose agent has not started', pod('a', { initContainerStatuses: [{ ...agent, started: false }] }), false],
    ['a pod without any status of its agent', pod('a', { initContainerStatuses: [] }), false],
    [
      'a pod whose agent has crashed: it may hold something',
      pod('a', { initContainerStatuses: [{ ...agent, started: false, restartCount: 1 }] }),
      true,
    ],
    [
      'a pod whose agent is no init container',
      pod('a', { initContainerStatuses: [], containerStatuses: [agent] }),
      true,
    ],
  ]
  for (const [sentence, one, isAsked] of rows) {
    it(`${isAsked ? 'asks' : 'does not ask'} ${sentence}`, () => expect(asked(one)).to.deep.equal(isAsked ? ['a'] : []))
  }

  it('asks a pod whose agent has ever started, whatever its status says later', () => {
    const first = onPods(noServerPods, [pod('a')])
    const second = onPods(first, [pod('a', { initContainerStatuses: [] })])
    expect([...second.asked.keys()]).to.deep.equal(['a'])
    const other = onPods(second, [pod('a', { initContainerStatuses: [] }, { uid: 'other' })])
    expect([...other.asked.keys()]).to.deep.equal([])
  })

  it('knows until when pods that are being deleted may answer on open connections', () => {
    const ends = (...pods: PodObject[]) => onPods(noServerPods, pods).goingUntil
    const going = (name: string, deletionTimestamp: string, status: PodObject['status'] = {}) =>
      pod(name, status, { deletionTimestamp })
    const [first, second] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:45Z']
    expect(ends(pod('a'))).to.equal(undefined)
    expect(ends(pod('a'), going('b', second), going('c', first))).to.equal(Date.parse(second))
    expect(ends(going('b', second, { phase: 'Succeeded' })), 'has ended').to.equal(undefined)
    expect(ends(going('b', second, { initContainerStatuses: [] })), 'served nobody yet').to.equal(undefined)
  })

  it('forgets the pods that are gone', () => {
    const gone = onPods(onPods(noServerPods, [pod('a')]), [])
    expect([gone.asked.size, gone.started.size]).to.deep.equal([0, 0])
  })

  it('finds the status port of the agent by its name, or takes 9443', () => {
    const ports = [
      { name: 'other', containerPort: 1 },
      { name: 'status', containerPort: 9500 },
    ]
    const named = { ...pod('a'), spec: { initContainers: [{ name: 'config-agent', ports }] } }
    const unnamed = { ...pod('b'), spec: { containers: [{ name: 'server', ports }] } }
    const { asked } = onPods(noServerPods, [named, unnamed])
    expect([asked.get('a')?.port, asked.get('b')?.port]).to.deep.equal([9500, 9443])
  })
})

describe('isSamePod', () => {
  const one = { name: 'a', uid: 'u1', host: '10.0.0.1', port: 9443 }
  for (const [sentence, other, isSame] of [
    ['the same', { ...one }, true],
    ['another pod of that name', { ...one, uid: 'u2' }, false],
    ['another address', { ...one, host: '10.0.0.2' }, false],
    ['another port', { ...one, port: 9444 }, false],
    ['none any more', undefined, false],
  ] as const) {
    it(`is ${isSame} for ${sentence}`, () => expect(isSamePod(one, other)).to.equal(isSame))
  }
})
