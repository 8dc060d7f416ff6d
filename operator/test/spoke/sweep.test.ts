import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import type { Mirror } from '../../src/spoke/mirror.ts'
import { createSweep } from '../../src/spoke/sweep.ts'
import { client } from '../decide/clients.ts'

describe('createSweep', () => {
  it('removes what a usable hub has too much within seconds, though the hub was away a moment before', async () => {
    const clock = createManualClock()
    const state = { mayWrite: false }
    let lists = 0
    const mirrors = new Map<string, Mirror>([
      [
        'demo/gone',
        {
          metadata: { ...client().metadata, name: 'demo.gone' },
          spec: { type: 'M2M', origin: { namespace: 'demo', name: 'gone', uid: 'u' } },
        },
      ],
    ])
    const sweep = createSweep({
      connection: {
        call: <T>() => {
          lists++
          const list: unknown = { metadata: { resourceVersion: '1' }, items: [] }
          return Promise.resolve(list as T)
        },
      },
      paths: ['/clients'],
      mirrors: {
        isListed: true,
        all: () => mirrors,
        find: (key) => mirrors.get(key),
        remove: (key) => Promise.resolve(void mirrors.delete(key)),
      },
      findClient: () => undefined,
      state,
      clock,
      log: createRecordedLog().log,
    })
    const pass = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        clock.advance(1_000)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    sweep.start()
    sweep.wake()
    await pass(90)
    expect([mirrors.size, lists], 'nothing is looked for while it is away').to.deep.equal([1, 0])
    state.mayWrite = true
    await pass(7)
    expect([mirrors.size, lists]).to.deep.equal([0, 2])
    await sweep.stop()
  })
})
