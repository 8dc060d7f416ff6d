// How `nauthera doctor` asks an address: one GET with limits, without redirects.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { TLSSocket } from 'node:tls'
import { answerHead } from '@nauthera/runtime/answer-head'

export interface DoctorAnswer {
  readonly status: number
  readonly body: string
  /** End of the certificate as TLS shows it; undefined without TLS. */
  readonly certificateEnd: string | undefined
}

/** Milliseconds. */
const patience = 5000
/** Characters: longer than any answer of ours. */
const longest = 2_000_000

/** @param ca certificates (PEM) in place of the system's CAs; may be the server's own self-signed one
 *  @throws Error when there is no whole answer within 5 seconds, or a longer one than any of ours */
export async function requestAddress(url: string, ca?: string): Promise<DoctorAnswer> {
  const send = new URL(url).protocol === 'https:' ? requestHttps : requestHttp
  const trusted = ca === undefined ? {} : { ca, allowPartialTrustChain: true }
  const asking = send(url, { ...trusted, agent: false, signal: AbortSignal.timeout(patience) })
  asking.end()
  const answer = await answerHead(asking)
  const { socket, statusCode = 0 } = answer
  const certificateEnd = socket instanceof TLSSocket ? socket.getPeerCertificate().valid_to : undefined
  let body = ''
  for await (const text of answer.setEncoding('utf8')) {
    body += String(text)
    if (body.length > longest) throw new Error('the answer is longer than any of ours')
  }
  return { status: statusCode, body, certificateEnd }
}
