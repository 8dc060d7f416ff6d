import type { ServerOptions } from 'node:http'

/** Time-outs (milliseconds) and limits of inbound HTTP, for `createServer`. Node checks open connections only every
 *  `connectionsCheckingInterval`, by default 30 s, which would make the others three times as long. */
export const inboundLimits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  /** Bytes of all headers; more is answered 431. Our own cookies take at most 8 KB of it (a session, an interaction). */
  maxHeaderSize: 32 * 1024,
} as const satisfies ServerOptions

/** Longest body that any handler reads, in bytes; more is answered 413. oidc-provider has the same limit of its own. */
export const maxBodyBytes = 56 * 1024

/** A page's handler answers within this, in milliseconds, or the person gets 503 and may try again. */
export const requestDeadlineMs = 10_000
