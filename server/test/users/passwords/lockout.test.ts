import { expect } from 'chai'
import type { BegunAttempt } from '../../../src/store/people/attempts.ts'
import { decideLockout } from '../../../src/users/passwords/lockout.ts'

const place = '2026-01-01 00:00:00+00'
const attempt = (accountPlace?: string, addressPlace?: string, waitSeconds = 7): BegunAttempt => ({
  keys: { account: 'u:1', address: 'a:1', accountPlace, addressPlace },
  user: undefined,
  passwordHash: undefined,
  standing: undefined,
  factors: [],
  consent: undefined,
  waitSeconds,
})

describe(decideLockout.name, () => {
  const cases: [string, BegunAttempt, ReturnType<typeof decideLockout>][] = [
    ['allows an attempt that has its places', attempt(place, place), { kind: 'allowed' }],
    ['locks an account without a free place', attempt(undefined, place), { kind: 'locked' }],
    ['asks a flooding address to wait', attempt(), { kind: 'address-locked', retryAfterSeconds: 7 }],
    [
      'asks to wait at least a second',
      attempt(undefined, undefined, 0),
      { kind: 'address-locked', retryAfterSeconds: 1 },
    ],
  ]
  for (const [sentence, input, outcome] of cases) {
    it(sentence, () => expect(decideLockout(input)).to.deep.equal(outcome))
  }
})
