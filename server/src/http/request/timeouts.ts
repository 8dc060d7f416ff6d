// How long a request may take.
import type { ServerOptions } from 'node:http'

/** Time-outs (milliseconds) and limits of inbound HTTP, for `createServer`. Node checks connections only every
 *  `connectionsCheckingInterval`, whose default of 30 s would prolong the others. */
export const inboundLimits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  /** Bytes of all headers; more gets 431. Our own cookies (a session, an interaction) need at most 8 KB of it. */
  maxHeaderSize: 32 * 1024,
} as const satisfies ServerOptions

/** Bytes of the longest body; a longer one gets 413. oidc-provider has the same limit. */
export const maxBodyBytes = 56 * 1024

/** Milliseconds for a page. After that the person gets 503. */
export const requestDeadlineMs = 10_000
