// For how long others keep /jwks.

/** Seconds for which they may. */
export const jwksMaxAge = 300

/** Milliseconds: until applications have read /jwks again. A replica that missed the message reads the keys within half a minute. */
export const cachesHold = jwksMaxAge * 1000 + 60_000
