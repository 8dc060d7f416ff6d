import { expect } from 'chai'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { countOverdue } from '../../src/status/overdue.ts'

const now = Date.parse('2026-11-30T12:00:00Z')
const [justNow, earlier, later] = ['2026-11-30T11:59:30Z', '2026-11-30T11:50:00Z', '2026-11-30T12:10:00Z']

const condition = (type: string, status: 'True' | 'False', lastTransitionTime = earlier, reason = 'Any') => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime,
})
const clientWith = (conditions: object[], secret: object = {}) =>
  ({
    metadata: { name: 'c', creationTimestamp: earlier },
    spec: {},
    status: { conditions, secret },
  }) as unknown as OIDCClient
const ready = condition('Ready', 'True')

describe(countOverdue.name, () => {
  const rules: [string, OIDCClient, object][] = [
    ['nothing of a client that is ready', clientWith([ready], { nextRotation: later }), {}],
    ['nothing of one that is not ready for half a minute', clientWith([condition('Ready', 'False', justNow)]), {}],
    ['one that is not ready for ten minutes', clientWith([condition('Ready', 'False')]), { release: 1 }],
    ['one that has no status after ten minutes', { ...clientWith([]), status: {} }, { release: 1 }],
    [
      'one whose owner has to act, apart',
      clientWith([condition('Accepted', 'False'), condition('Ready', 'False')], { nextRotation: earlier }),
      { object: 1 },
    ],
    ['a rotation that has not begun', clientWith([ready], { nextRotation: earlier }), { rotations: 1 }],
    ...['Overdue', 'WindowMissed', 'ReplicasLagging'].map((reason): [string, OIDCClient, object] => [
      `a rotation that is late, ${reason}, also before the next window`,
      clientWith([ready, condition('RotationHealthy', 'False', earlier, reason)], { nextRotation: later }),
      { rotations: 1 },
    ]),
    [
      'nothing where an older secret is still used',
      clientWith([ready, condition('RotationHealthy', 'False', earlier, 'PreviousSecretStillUsed')]),
      {},
    ],
  ]
  for (const [what, client, { object = 0, release = 0, rotations = 0 }] of rules as [
    string,
    OIDCClient,
    Record<string, number>,
  ][])
    it(`counts ${what}`, () =>
      expect(countOverdue([client], { countEndingSince: () => 0 }, now)).to.deep.equal({
        unready: { object, release },
        rotations,
        retirements: 0,
      }))

  it('counts secrets that ended more than five minutes ago, and may still be accepted', () => {
    const countEndingSince = (time: number) => (time === now - 300_000 ? 2 : 0)
    expect(countOverdue([], { countEndingSince }, now).retirements).to.equal(2)
  })
})
