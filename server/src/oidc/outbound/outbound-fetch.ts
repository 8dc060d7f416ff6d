// A guarded `fetch` for URLs that clients register. It checks the address when it connects, after DNS, so that neither SSRF nor DNS
// rebinding reaches internal addresses. It follows no redirect.
import { request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import { answerHead } from '@nauthera/runtime/answer-head'
import { CodedError } from '@nauthera/runtime/coded-error'
import { inSpan } from '@nauthera/runtime/traces'
import type { OutboundPurpose } from '../../settings/outbound.ts'
import type { AddressFault, AddressRule } from './address-rule.ts'
import { createLookUpName } from './look-up-name.ts'
import type { LookUpName } from './look-up-name.ts'

/** Milliseconds and bytes. */
const limits = { connect: 2000, whole: 3000, body: 256 * 1024 }

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** A `fetch` for URLs that clients have registered, and for the providers of the settings.
 *  @param needs.purpose for the message of a refusal
 *  @param needs.wholeMs milliseconds for the whole request
 *  @param needs.body `ignored`: the answer is its status alone, however much follows
 *  @param needs.mostBytes of the answer; default: 256 KiB
 *  @param needs.lookUp for tests
 *  @throws CodedError ADDRESS_NOT_ALLOWED, before a byte is sent */
export function createOutboundFetch(needs: {
  rule: AddressRule
  purpose: OutboundPurpose
  lookUp?: LookUpName
  wholeMs?: number
  body?: 'ignored'
  mostBytes?: number
}): Fetch {
  return async (input, init = {}) => {
    const url = new URL(input)
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw new CodedError('ADDRESS_NOT_ALLOWED', { message: `only http and https are allowed, not ${url.protocol}` })
    const literal = url.hostname.replace(/^\[|\]$/g, '')
    const fault = isIP(literal) === 0 ? undefined : needs.rule(literal, literal)
    if (fault !== undefined) throw refused(literal, fault, needs.purpose)
    const headers = Object.fromEntries(new Headers(init.headers))
    const body = init.body ? await new Response(init.body).text() : undefined
    const signal = AbortSignal.any([
      AbortSignal.timeout(needs.wholeMs ?? limits.whole),
      ...(init.signal ? [init.signal] : []),
    ])
    const answer = await inSpan(`${init.method ?? 'GET'} ${needs.purpose}`, { 'server.address': url.hostname }, () => {
      const outgoing = send(url, {
        method: init.method ?? 'GET',
        headers,
        signal,
        agent: false,
        lookup: guardedLookup(needs, signal),
        timeout: limits.connect,
      })
      outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')))
      outgoing.once('socket', (socket) => {
        socket.once('connect', () => socket.setTimeout(needs.wholeMs ?? limits.connect))
      })
      outgoing.end(body)
      return answerHead(outgoing)
    })
    const status = answer.statusCode ?? 502
    if (needs.body === 'ignored') {
      answer.destroy()
      return new Response(null, { status })
    }
    const received = await readBody(answer, needs.mostBytes ?? limits.body)
    const empty = status === 204 || status === 304
    return new Response(empty ? null : new Uint8Array(received), { status, headers: headersOf(answer) })
  }
}

/** Resolves a name for a connection. When one of its addresses is not allowed, the whole name is refused. */
function guardedLookup(
  { rule, purpose, lookUp = createLookUpName() }: Parameters<typeof createOutboundFetch>[0],
  signal: AbortSignal,
): LookupFunction {
  const find = async (hostname: string) => {
    const addresses = await lookUp(hostname, signal)
    const faults = addresses.map(({ address }) => rule(address, hostname.toLowerCase()))
    const fault = addresses.length === 0 ? 'never' : (faults.find((one) => one === 'never') ?? faults.find(Boolean))
    if (fault) throw refused(hostname, fault, purpose)
    return addresses
  }
  const withCallback = callbackify(find)
  return (hostname, options, callback) => {
    withCallback(hostname, (error, addresses) => {
      if (error) return callback(error, [])
      if (options.all) return callback(null, addresses)
      return callback(null, addresses[0]!.address, addresses[0]!.family)
    })
  }
}

async function readBody(answer: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('an answer is read as bytes')
    size += chunk.length
    if (size > most) {
      answer.destroy()
      throw new Error(`the answer is larger than ${most} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headersOf(answer: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one)
  }
  return headers
}

function refused(name: string, fault: AddressFault, purpose: OutboundPurpose): CodedError {
  const message =
    fault === 'never'
      ? `${name} is a loopback, link-local or metadata address; no setting allows it`
      : `${name} is a private or special address, and outbound.allow does not list it for ${purpose}; use a public URL, or let an administrator list it there`
  return new CodedError('ADDRESS_NOT_ALLOWED', { message })
}
