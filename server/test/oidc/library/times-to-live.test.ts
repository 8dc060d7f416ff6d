import { expect } from 'chai'
import { lifetimes } from '../../../src/oidc/lifetimes.ts'
import { timesToLive } from '../../../src/oidc/library/times-to-live.ts'

describe(timesToLive.name, () => {
  const day = 86_400
  const { Session } = timesToLive({ clients: {} as never, now: () => 0 })

  for (const [sentence, session, seconds] of [
    ['a session in which nobody is signed in lasts an hour', {}, 3_600],
    ['a remembered one lasts until its end', { accountId: 'ada', until: 90 * day }, 90 * day],
    [
      'one of a shared device ends when it is idle',
      { accountId: 'ada', until: 90 * day, transient: true },
      lifetimes.sessionIdle,
    ],
    ['it lasts no longer than until its end', { accountId: 'ada', until: 60, transient: true }, 60],
  ] as const)
    it(sentence, () => expect(Session({}, session)).to.equal(seconds))
})
