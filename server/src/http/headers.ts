import type { RequestHandler } from 'express'
import helmet from 'helmet'
import { allowFormTargets } from '../reply.ts'

/** What a response may load and do. `script-src 'self'` is named literally: oidc-provider adds the hash of its
 *  form_post script only to a literal one. `form-action` grows for each response (Chromium applies it to the redirects
 *  that follow a POST, so 'self' alone would block the way back to the client). */
export const basePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** @param formTargets URLs that a form of the page may end up at
 *  @returns the Content-Security-Policy of that response */
export function policyFor(formTargets: readonly string[] = []): string {
  return allowFormTargets(basePolicy, formTargets)
}

/** Sets the security headers that every response has. Referrer-Policy is `same-origin`: under `no-referrer` browsers
 *  send `Origin: null` with our own forms, and the form guard could not tell them from a stranger's. */
export function createHeaders(needs: { issuer: URL }): RequestHandler {
  const https = needs.issuer.protocol === 'https:'
  const common = helmet({
    contentSecurityPolicy: false,
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    // a popup of a client must keep its opener, and tokens are read across origins by clients' pages
    crossOriginOpenerPolicy: false,
    crossOriginResourcePolicy: false,
    originAgentCluster: false,
    xPoweredBy: false,
  })
  return (request, response, next) => {
    response.setHeader('content-security-policy', basePolicy)
    response.setHeader('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()')
    common(request, response, next)
  }
}
