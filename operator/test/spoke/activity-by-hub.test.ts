import { expect } from 'chai'
import type { Condition } from '../../src/api/client-status.ts'
import type { Activity } from '../../src/decide/status/outcome.ts'
import { activityByHub } from '../../src/spoke/activity-by-hub.ts'
import { client } from '../decide/clients.ts'

const active = { status: 'True', reason: 'Active' } as const
const suspended = { status: 'False', reason: 'Suspended' } as const
const notServed = { status: 'False', reason: 'NotServed' } as const
const unknown = { status: 'Unknown', reason: 'Restarting' } as const
type Said = Pick<Condition, 'status' | 'reason'>

/** @param said of the mirror by the hub; undefined: nothing yet. @param about the generation of which it says so; the mirror is at 2 */
const mirrorWith = (said: Said | undefined, about = 2) => ({
  ...client({}, { generation: 2 }),
  status: {
    observedGeneration: about,
    conditions: said ? [{ type: 'Active', message: '', lastTransitionTime: '2026-01-01T00:00:00Z', ...said }] : [],
  },
})

interface Row {
  readonly it: string
  readonly mirror: ReturnType<typeof mirrorWith> | undefined
  /** The mirror has the restraint of today. */
  readonly isRestrained?: boolean
  readonly is: Activity
}

const asked: readonly Row[] = [
  { it: 'has no mirror', mirror: undefined, is: { kind: 'suspended', behind: [] } },
  {
    it: 'the hub says so of the mirror as it is',
    mirror: mirrorWith(suspended),
    is: { kind: 'suspended', behind: [] },
  },
  { it: 'the hub does not serve it', mirror: mirrorWith(notServed), is: { kind: 'suspended', behind: [] } },
  { it: 'the hub says nothing of it', mirror: mirrorWith(undefined), is: { kind: 'suspended', behind: [] } },
  { it: 'the hub still serves it', mirror: mirrorWith(active), is: { kind: 'suspended', behind: ['the hub'] } },
  { it: 'the hub does not know', mirror: mirrorWith(unknown), is: { kind: 'suspended', behind: ['the hub'] } },
  {
    it: 'the hub says so of the mirror before',
    mirror: mirrorWith(suspended, 1),
    is: { kind: 'suspended', behind: ['the hub'] },
  },
  {
    it: 'the mirror does not ask for it yet',
    mirror: mirrorWith(suspended),
    isRestrained: false,
    is: { kind: 'suspended', behind: ['the hub'] },
  },
]

const notAsked: readonly Row[] = [
  { it: 'has no mirror', mirror: undefined, is: { kind: 'not-served', behind: [] } },
  { it: 'the hub says nothing of it', mirror: mirrorWith(undefined), is: { kind: 'not-served', behind: [] } },
  { it: 'the hub does not serve it', mirror: mirrorWith(notServed), is: { kind: 'not-served', behind: [] } },
  { it: 'the hub serves it', mirror: mirrorWith(active), is: { kind: 'active', behind: [] } },
  { it: 'the hub served the mirror before', mirror: mirrorWith(active, 1), is: { kind: 'active', behind: [] } },
  { it: 'the hub does not know', mirror: mirrorWith(unknown), is: { kind: 'not-served', behind: ['the hub'] } },
  {
    it: 'the hub still has it suspended',
    mirror: mirrorWith(suspended),
    is: { kind: 'suspended-before', behind: [] },
  },
]

describe('activityByHub', () => {
  const look = ({ mirror, isRestrained = true }: Row, isSuspended: boolean) =>
    activityByHub(client({ suspended: isSuspended }), mirror, isRestrained)

  describe('a client that is to be suspended is, once the hub says so of a mirror that asks for it:', () => {
    for (const row of asked) it(row.it, () => expect(look(row, true)).to.deep.equal(row.is))
  })

  describe('any other one is what the hub says:', () => {
    for (const row of notAsked) it(row.it, () => expect(look(row, false)).to.deep.equal(row.is))
  })
})
