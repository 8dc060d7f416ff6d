import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import { allowFormTargets } from '../../reply/form-targets.ts'
import type { Handler } from '../request/handler.ts'

/** The Content-Security-Policy of pages. `script-src 'self'` must stay literal: oidc-provider adds the hash of its form_post script there.
 *  Each page adds its targets to `form-action`, since Chromium also applies it to redirects after a POST. */
export const basePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** @param formTargets URLs that a form of the page may redirect to
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
    // off: clients open us in popups that need their opener, and read tokens from another origin
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

/** helmet always sets the same headers, so it runs only once. */
function headersOf(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  middleware(request, response, () => undefined)
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]))
}
