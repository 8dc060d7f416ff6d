import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import { allowFormTargets } from '../reply.ts'
import type { Handler } from './handler.ts'

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
export function createHeaders(needs: { issuer: URL }): Handler {
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
  const headers = Object.entries({
    ...headersOf(common),
    'content-security-policy': basePolicy,
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  })
  return (_request, response, next) => {
    for (const [name, value] of headers) response.setHeader(name, value)
    next()
  }
}

/** What helmet sets is the same for every response: it is asked once. */
function headersOf(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  middleware(request, response, () => undefined)
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]))
}
