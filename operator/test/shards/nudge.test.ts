import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import type { PodObject } from '../../src/kubernetes/objects.ts'
import { createNudge } from '../../src/shards/nudge.ts'

const pod = (name: string, metadata: Partial<PodObject['metadata']> = {}): PodObject => ({
  metadata: { name, ...metadata },
})

describe('createNudge', () => {
  let clock: ReturnType<typeof createManualClock>
  let behind: Set<string>
  let patches: { readonly pod: string; readonly value: string; readonly answer: PromiseWithResolvers<void> }[]
  let nudge: ReturnType<typeof createNudge>
  let recorded: ReturnType<typeof createRecordedLog>
  const settle = async () => {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  }
  const values = () => patches.map(({ pod, value }) => `${pod} ${value}`)

  beforeEach(() => {
    clock = createManualClock()
    behind = new Set()
    patches = []
    recorded = createRecordedLog()
    const call = async ({ path, body }: { path: string; body?: unknown }) => {
      const { metadata } = body as { metadata: { annotations: Record<string, string> } }
      const answer = Promise.withResolvers<void>()
      patches.push({ pod: path.split('/').at(-1)!, value: metadata.annotations[annotations.clientsRevision]!, answer })
      await answer.promise
      return undefined as never
    }
    nudge = createNudge({
      connection: { call, watch: () => expect.fail('watches nothing'), stop: () => {} },
      namespace: 'auth',
      isBehind: (name) => behind.has(name),
      revision: () => 'abc',
      clock,
      log: recorded.log,
    })
  })
  afterEach(() => {
    nudge.stop()
    expect(clock.pending).to.equal(0)
  })

  it('nudges all pods when one has joined, and none that is going', () => {
    nudge.setPods([pod('a'), pod('b', { deletionTimestamp: '2026-01-01T00:00:00Z' })])
    expect(values()).to.deep.equal(['a abc.1'])
    nudge.setPods([pod('a')])
    expect(values()).to.deep.equal(['a abc.1'])
  })

  it('nudges once more for what is written meanwhile, with the newest value alone', async () => {
    nudge.setPods([pod('a')])
    nudge.push()
    nudge.push()
    patches[0]!.answer.resolve()
    await settle()
    expect(values()).to.deep.equal(['a abc.1', 'a abc.3'])
  })

  it('nudges for what is written meanwhile though the nudge before it failed', async () => {
    nudge.setPods([pod('a')])
    nudge.push()
    patches[0]!.answer.reject(new Error('unreachable'))
    await settle()
    expect(values()).to.deep.equal(['a abc.1', 'a abc.2'])
  })

  it('says nothing of a pod that has gone, and says each other failure', async () => {
    nudge.setPods([pod('gone'), pod('there')])
    const refused = (status: number, reason: string) =>
      new ApiError('KUBERNETES_REFUSED', { message: 'no', status, reason })
    patches[0]!.answer.reject(refused(404, 'NotFound'))
    patches[1]!.answer.reject(refused(500, 'InternalError'))
    await settle()
    expect(recorded.told('nudge failed').map(({ replica }) => replica)).to.deep.equal(['there'])
  })

  it('nudges the pods that are behind again, after longer and longer waits', async () => {
    nudge.setPods([pod('a'), pod('b')])
    for (const { answer } of patches) answer.resolve()
    await settle()
    behind.add('b')
    clock.advance(3_000)
    patches.at(-1)!.answer.resolve()
    await settle()
    clock.advance(5_999)
    expect(values().slice(2)).to.deep.equal(['b abc.2'])
    clock.advance(1)
    expect(values().slice(2)).to.deep.equal(['b abc.2', 'b abc.3'])
    behind.clear()
    clock.advance(60_000)
    expect(patches.length).to.equal(4)
  })
})
