import { expect } from 'chai'
import { writeOutcome } from '../../src/status/look-outcome.ts'
import type { OutcomeChange } from '../decide/outcomes.ts'
import { outcome } from '../decide/outcomes.ts'

describe('writeOutcome', () => {
  const after = (wait: { again?: number }, change: OutcomeChange, waits: readonly (number | undefined)[]) =>
    writeOutcome({ write: async () => wait }, outcome(change), () => waits)
  const redirects = { uris: [], left: [], endsIn: 200 }

  it('has the client looked at again after the shortest wait: of the status, of a route that ends, or any other', async () => {
    expect(await after({ again: 100 }, { redirects }, [300, undefined])).to.equal(100)
    expect(await after({ again: 400 }, { redirects }, [300, undefined])).to.equal(200)
    expect(await after({}, {}, [undefined, 300])).to.equal(300)
    expect(await after({}, {}, [0]), 'never at once').to.equal(1)
  })

  it('waits for an event alone when nothing changes with time', async () => {
    expect(await after({}, { redirects: 'off' }, [undefined])).to.equal(undefined)
  })
})
