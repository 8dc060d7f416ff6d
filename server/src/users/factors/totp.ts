// Codes of an authenticator app (RFC 6238): six digits, a new one every 30 seconds, SHA-1, as every app reads them.
import { Secret, TOTP } from 'otpauth'

const codeDigits = 6
const periodSeconds = 30
/** Codes of one step before and after the present one are accepted, for clocks that differ. */
const windowSteps = 1
const seedBytes = 20

/** @returns base32, for `matchStep` and for the person to type */
export const mintSeed = (): string => new Secret({ size: seedBytes }).base32

/** What the picture of the enrolment page says.
 *  @param about.issuer the name of this service; @param about.account what the person signs in with */
export const appUri = (seed: string, { issuer, account }: { issuer: string; account: string }): string =>
  totp(seed, issuer, account).toString()

/** @param code as typed; spaces are left out
 *  @param now epoch milliseconds
 *  @returns the time step that the code belongs to; undefined when it is wrong, or of another time */
export function matchStep(seed: string, code: string, now: number): number | undefined {
  const token = code.replace(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const delta = totp(seed).validate({ token, timestamp: now, window: windowSteps })
  return delta === null ? undefined : Math.floor(now / 1000 / periodSeconds) + delta
}

/** The code of a moment: what an app shows.
 *  @internal for tests, which are the app: the server never makes a code
 *  @param now epoch milliseconds */
export const codeAt = (seed: string, now: number): string => totp(seed).generate({ timestamp: now })

const totp = (seed: string, issuer = '', label = 'account'): TOTP =>
  new TOTP({
    issuer,
    label,
    secret: Secret.fromBase32(seed),
    algorithm: 'SHA1',
    digits: codeDigits,
    period: periodSeconds,
  })
