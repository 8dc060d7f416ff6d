import { expect } from 'chai'
import { statelessSessions } from '../../../src/oidc/library/overrides/stateless-sessions.ts'

/** As the library's. */
class Session {
  static readonly IN_PAYLOAD: readonly string[] = []
  readonly version?: number
  authorizationFor(): void {}
  ensureClientContainer(): void {}
  sidFor(): void {}
  grantIdFor(): void {}
  loginAccount({ loginTs, amr }: { loginTs: number; amr: readonly string[] }): void {
    Object.assign(this, { loginTs, amr })
  }
}

describe('statelessSessions', () => {
  statelessSessions(
    { Session } as never,
    { keys: { cookies: { current: () => ({ kid: 'k' }) } }, now: () => 1_000 } as never,
  )
  const one = ['pwd']
  const two = ['pwd', 'otp', 'mfa']

  for (const [sentence, signIns, version] of [
    ['the first sign-in', [one], 1],
    ['another sign-in without a second factor', [one, one], 1],
    ['a second factor', [one, two], 2],
    ['another sign-in with a second factor', [one, two, two], 2],
    ['a second factor after a sign-in without', [one, two, one, two], 3],
  ] as const)
    it(`L2 ${sentence} leaves the session with the version ${version}`, () => {
      const session = new Session()
      for (const [at, amr] of signIns.entries()) session.loginAccount({ loginTs: at, amr })
      expect(session.version).to.equal(version)
    })
})
