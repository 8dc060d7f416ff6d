// Wires the server's own requests.
import { isLoopback } from '@nauthera/rules/issuer'
import { longestDocument } from '../oidc/clients/documents.ts'
import { currentRequest, isInRequest } from '../oidc/library/current-request.ts'
import { addressRule } from '../oidc/outbound/address-rule.ts'
import { createOutboundFetch } from '../oidc/outbound/outbound-fetch.ts'
import type { ServerSettings } from '../settings.ts'
import type { OutboundPurpose } from '../settings/outbound.ts'

/** The time-out of a request to another provider. Milliseconds. */
const upstreamPatience = 5000

/** Creates a fetch for URLs that clients register. */
export function guardedFetch({ issuer, outbound }: ServerSettings, purpose: OutboundPurpose) {
  const rule = addressRule(purpose, { ...outbound, loopback: isLoopback(new URL(issuer).hostname) })
  return createOutboundFetch({
    rule,
    purpose,
    ...(purpose === 'upstream' ? { wholeMs: upstreamPatience } : {}),
    ...(purpose === 'backchannel' ? { body: 'ignored' } : {}),
    ...(purpose === 'document' ? { mostBytes: longestDocument } : {}),
  })
}

/** @returns the address of the present request's sender; undefined when unknown */
export const askerOf = (settings: ServerSettings) => (): string | undefined =>
  settings.allowUntrustedProxy || !isInRequest() ? undefined : currentRequest().peer.address
