import type { Attempt, StepOutcome } from './attempt.ts'

/** Where an authenticator app or a passkey is asked for, by policy. No factor can be enrolled in this release, so there
 *  is none to ask for; a client that requires an `acr` beyond a password is refused when it is registered. */
export function secondFactor(attempt: Attempt): StepOutcome {
  return { kind: 'passed', attempt }
}
