import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import { allowFormTargets } from '../../reply/form-targets.ts'
import type { Handler } from '../request/handler.ts'

/** What a page may load and do. It needs `script-src 'self'` literally: that is where oidc-provider adds the hash of its form_post
 *  script. Each response adds its own targets to `form-action`: Chromium applies it to redirects after a POST too, so 'self' alone would
 *  block the redirect to the client. */
export const basePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** @param formTargets URLs to which a form of the page may lead by redirects
 *  @returns the Content-Security-Policy of that response */
export function policyFor(formTargets: readonly string[] = []): string {
  return allowFormTargets(basePolicy, formTargets)
}

/** Sets the security headers that every response has. Referrer-Policy is `same-origin`: under `no-referrer` browsers
 *  send `Origin: null` with our own forms, and the form guard would refuse them. */
export function createHeaders(needs: { issuer: URL }): Handler {
  const https = needs.issuer.protocol === 'https:'
  const common = helmet({
    contentSecurityPolicy: false,
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    // off: a client may open us in a popup that needs its opener, and its pages read tokens from another origin
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

/** helmet sets the same headers on every response, so it runs only once. */
function headersOf(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  middleware(request, response, () => undefined)
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]))
}
