import { expect } from 'chai'
import {
  isExcused,
  isUnreachable,
  onReplicaFound,
  onReplicaLost,
  onReplicaSaid,
  replicaOf,
} from '../../src/replicas/replica-state.ts'
import type { Replica, ReplicaState } from '../../src/replicas/replica-state.ts'

const pod = { name: 'server-a', uid: 'u1' }
const withServer = {
  serverConnected: true,
  live: [],
  rejected: [],
  manifestDigest: 'a set',
}
const loadingServer = { ...withServer, manifestDigest: '' }
const withoutServer = { ...loadingServer, serverConnected: false }
/** Each is told at its time, from 1,000 on. */
const after = (...steps: readonly ((state: ReplicaState, now: number) => ReplicaState)[]): ReplicaState =>
  steps.reduce((state, step, index) => step(state, (index + 2) * 1_000), onReplicaFound(1_000))
const server = (state: ReplicaState, now: number) => onReplicaSaid(state, withServer, now)
const loading = (state: ReplicaState, now: number) => onReplicaSaid(state, loadingServer, now)
const noServer = (state: ReplicaState, now: number) => onReplicaSaid(state, withoutServer, now)

const rows: readonly [sentence: string, state: ReplicaState, at5000: Partial<Replica>][] = [
  [
    'before its agent answers: it may be, and is joining',
    after(),
    { absentMs: 4_000, joining: true, reachable: true, serverConnected: false },
  ],
  [
    'while agent and server are there: nothing is absent',
    after(server),
    { absentMs: 0, joining: false, reachable: true, serverConnected: true },
  ],
  [
    'when the agent has never had its server: absent since we asked',
    after(noServer),
    { absentMs: 4_000, joining: true, reachable: true, serverConnected: false },
  ],
  [
    'while its server has no complete set yet: it is there, takes no requests and is joining',
    after(noServer, loading),
    { absentMs: 4_000, joining: true, reachable: true, serverConnected: true },
  ],
  [
    'once the set is complete: it takes requests',
    after(noServer, loading, server),
    { absentMs: 0, joining: false, reachable: true, serverConnected: true },
  ],
  [
    'while a server that was started again has no complete set yet: it takes none since the one before it left',
    after(server, noServer, loading),
    { absentMs: 2_000, joining: false, reachable: true, serverConnected: true },
  ],
  [
    'when the agent loses its server: absent since that word',
    after(server, noServer, noServer),
    { absentMs: 2_000, joining: false, reachable: true, serverConnected: false },
  ],
  [
    'when the stream breaks: absent since then',
    after(server, onReplicaLost),
    { absentMs: 2_000, joining: false, reachable: true, serverConnected: false },
  ],
  [
    'when it cannot be opened again: absent since the first break',
    after(server, onReplicaLost, onReplicaLost),
    { absentMs: 2_000, joining: false, reachable: true, serverConnected: false },
  ],
]

describe('replicaOf', () => {
  for (const [sentence, state, expected] of rows) {
    it(sentence, () =>
      expect(replicaOf(pod, state, 5_000)).to.deep.include({ ...expected, replica: 'server-a', uid: 'u1' }),
    )
  }

  it('tells what the agent said last, and nothing of that once the stream is over', () => {
    const live = [{ shard: 3, seq: 7n }]
    const state = onReplicaSaid(onReplicaFound(0), { ...withServer, live }, 1)
    expect(replicaOf(pod, state, 2).live).to.deep.equal(live)
    expect(replicaOf(pod, onReplicaLost(state, 2), 3).live).to.deep.equal([])
  })

  it('counts as unreachable after 15 s without a stream, and not while its agent answers', () => {
    const lost = onReplicaLost(onReplicaSaid(onReplicaFound(0), withServer, 0), 0)
    expect(replicaOf(pod, lost, 14_999).reachable).to.equal(true)
    expect(replicaOf(pod, lost, 15_000).reachable).to.equal(false)
    const noServerYet = onReplicaSaid(onReplicaFound(0), withoutServer, 0)
    expect(replicaOf(pod, noServerYet, 15_000).reachable).to.equal(true)
  })
})

describe('isUnreachable', () => {
  it('is true after 15 s without agent or server', () => {
    const noServerYet = onReplicaSaid(onReplicaFound(0), withoutServer, 10_000)
    expect(isUnreachable(noServerYet, 14_999)).to.equal(false)
    expect(isUnreachable(noServerYet, 15_000)).to.equal(true)
    expect(isUnreachable(onReplicaSaid(noServerYet, withServer, 15_000), 60_000)).to.equal(false)
    expect(isUnreachable(onReplicaSaid(noServerYet, loadingServer, 15_000), 60_000), 'loads').to.equal(false)
  })
})

describe('isExcused', () => {
  for (const [sentence, absentMs, joining, expected] of [
    ['a restart', 14_999, false, true],
    ['an absence that lasts', 15_000, false, false],
    ['a pod that starts', 59_999, true, true],
    ['a pod that does not start', 60_000, true, false],
  ] as const) {
    it(`${expected ? 'excuses' : 'does not excuse'} ${sentence}`, () => {
      expect(isExcused({ ...replicaOf(pod, onReplicaFound(0), 0), absentMs, joining })).to.equal(expected)
    })
  }
})
