import { publicRefreshMost, tokenLife, usualTokenLife } from '@nauthera/rules/limits'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { cookieLine } from './keys/states.ts'
import type { KeyPolicy } from './keys/states.ts'
import { signingLine, signingLines } from './keys/key-set.ts'

/** How long things live, in seconds, where neither client nor settings say otherwise. */
export const lifetimes = {
  code: 60,
  accessToken: usualTokenLife.access,
  idToken: usualTokenLife.id,
  /** Without use. */
  refreshIdle: usualTokenLife.refresh,
  /** Without use, of a public client that has no `offline_access`. */
  refreshInSession: publicRefreshMost,
  /** Since the sign-in. */
  refreshAbsolute: tokenLife.refresh.most,
  interaction: 600,
  /** Until somebody has allowed it, and the device has fetched its tokens. */
  deviceCode: 600,
  /** Longer than the interaction, so that the page of an expired one can say where to start again. */
  interactionCookie: 3600,
  sessionIdle: 8 * 3600,
  sessionAbsolute: 24 * 3600,
  /** With "remember me", whether the session is used or not. */
  sessionRemembered: 30 * 86_400,
  /** Of a session in which nobody is signed in; the logout page needs one. */
  sessionAnonymous: 3600,
} as const

/** What a client gets that leaves it open, as the operator is told.
 *  @param algorithm of its ID tokens */
export const clientDefaults = (algorithm: string) => ({
  accessTokenTtl: lifetimes.accessToken,
  idTokenTtl: lifetimes.idToken,
  refreshTokenTtl: lifetimes.refreshIdle,
  idTokenSignedResponseAlg: algorithm,
})

/** Seconds. An assertion that is valid for longer is refused, because a used one must be remembered until it
 *  expires. */
export const longestAssertion = 30 * 86_400

const skewMs = 5 * 60_000

/** @param signing milliseconds, from the settings */
export function keyPolicy(signing: {
  readonly publishBefore: number
  readonly rotateEvery: number
  readonly algorithms: readonly SigningAlgorithm[]
}): KeyPolicy {
  const kept = new Set(signing.algorithms.map(signingLine))
  return {
    publishBefore: signing.publishBefore,
    rotateEvery: signing.rotateEvery,
    isLeftOut: (line) => signingLines.includes(line) && !kept.has(line),
    retireFor: (line) =>
      (line === cookieLine ? lifetimes.refreshAbsolute : Math.max(tokenLife.access.most, tokenLife.id.most)) * 1000 +
      skewMs,
  }
}
