import { expect } from 'chai'
import type { AttemptCount } from '../../src/store/attempts.ts'
import { decideLockout } from '../../src/users/lockout.ts'

const limits = { perAccount: 3, perAddress: 10, windowMs: 1000, lockMs: 1000 }
const count = (account: number | undefined, waitSeconds = 7): AttemptCount => ({
  keys: { account: 'u:1', address: 'a:1' },
  user: undefined,
  passwordHash: undefined,
  address: { count: 1, waitSeconds },
  account: account === undefined ? undefined : { count: account, waitSeconds },
})

describe(decideLockout.name, () => {
  const cases: [string, AttemptCount, ReturnType<typeof decideLockout>][] = [
    ['allows the first attempt', count(1), { kind: 'allowed' }],
    ['allows the last one within the limit', count(3), { kind: 'allowed' }],
    ['locks from the next one on', count(4), { kind: 'locked' }],
    ['asks a flooding address to wait', count(undefined), { kind: 'address-locked', retryAfterSeconds: 7 }],
    ['never says to wait no time', count(undefined, 0), { kind: 'address-locked', retryAfterSeconds: 1 }],
  ]
  for (const [sentence, input, outcome] of cases) {
    it(sentence, () => expect(decideLockout(input, limits)).to.deep.equal(outcome))
  }
})
