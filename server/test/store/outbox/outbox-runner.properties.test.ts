import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createOutboxRunner, outboxTimes } from '../../../src/store/outbox/outbox-runner.ts'
import type { Try } from '../../../src/store/outbox/outbox-runner.ts'
import type { Claimed, Outbox } from '../../../src/store/outbox/outbox.ts'
import { keepLog } from '../../http/harness.ts'

/** Faults of whatever a try asks: none of them is the word of the one who was to get the work. */
const faults: Readonly<Record<string, () => unknown>> = {
  'an answer that is no JSON': () => JSON.parse('<html>'),
  'a row of another table that does not open': () => new CodedError('SEALED_ROW_DAMAGED', { message: 'keys, row k1' }),
  'a row of another release': () => new CodedError('STORED_VALUE_INVALID', { message: 'outbox, row 1: no mail' }),
  'a key that is not in the ring': () => new CodedError('KEY_RING_LACKS_KEY', { message: 'k2' }),
  'a database that is away': () => new CodedError('STORE_UNAVAILABLE', { message: 'away' }),
  'a fault of ours': () => new TypeError('undefined is no function'),
  'no error at all': () => 'text',
}

/** One row, in memory. */
function oneRow() {
  const settled: string[] = []
  let tries = 0
  let isFree = true
  let onEnd: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (onEnd = resolve))
  const end = (how: string) => {
    settled.push(how)
    onEnd()
  }
  const outbox: Partial<Outbox> = {
    claim: async () => {
      if (!isFree) return []
      isFree = false
      const row: Partial<Claimed> = { id: 'row', kind: 'mail', tries: ++tries, left: () => 86_400_000 }
      return [row as Claimed]
    },
    finish: async () => end('finished'),
    retry: async () => void (isFree = true),
    abandon: async () => end('given up'),
  }
  return { outbox: outbox as Outbox, settled, ended, tries: () => tries }
}

describe('work of the outbox', () => {
  it('is done as soon as a try succeeds, whatever was thrown before', async () => {
    const story = fc.array(fc.constantFrom(...Object.keys(faults)), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(story, async (thrown) => {
        const { outbox, settled, ended, tries } = oneRow()
        const attempt: Try = async () => {
          const fault = thrown[tries() - 1]
          if (fault === undefined) return { kind: 'done' }
          throw faults[fault]!()
        }
        const times = { ...outboxTimes, pollMs: 1 }
        const runner = createOutboxRunner({ outbox, tries: { mail: attempt }, log: keepLog(), times })
        runner.start()
        await ended
        await runner.stop()
        expect({ settled, tries: tries() }).to.deep.equal({ settled: ['finished'], tries: thrown.length + 1 })
      }),
      { numRuns: propertyRuns(40) },
    )
  })
})
