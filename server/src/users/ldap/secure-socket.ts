// The TLS connection to one server of a directory: from the first byte (ldaps:), or after StartTLS (ldap:, RFC 4511 section 4.14).
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { ExtendedRequest } from 'ldapts'
import { elementsIn, readHeader } from './ber.ts'

/** @param url `ldaps://host:port`, or `ldap://host:port`
 *  @param signal ends it before it is done
 *  @returns a connection on which nothing was said yet, but by TLS
 *  @throws Error when the server is away, has another certificate, or does not do StartTLS as the standard says it */
export async function openSecureSocket(
  url: string,
  tls: Omit<ConnectionOptions, 'host' | 'port' | 'socket'>,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { host, port, isTls } = addressOf(url)
  const plain = isTls ? undefined : connect({ host, port })
  const opened: Socket[] = plain ? [plain] : []
  try {
    if (plain) await startTls(ready(plain), signal)
    const secure = connectTls(plain ? { ...tls, host, socket: plain } : { ...tls, host, port })
    opened.push(secure)
    await once(ready(secure), 'secureConnect', { signal })
    return secure
  } catch (error) {
    for (const socket of opened) socket.destroy()
    throw error
  }
}

function addressOf(url: string): { host: string; port: number; isTls: boolean } {
  const { protocol, hostname, port } = new URL(url)
  const isTls = protocol === 'ldaps:'
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (isTls ? 636 : 389) : Number(port), isTls }
}

/** A socket that may fail at any time, without anybody who listens. */
const ready = <T extends Socket>(socket: T): T =>
  socket
    .on('error', () => undefined)
    .setKeepAlive(true, 10_000)
    .setNoDelay()

const messageId = 1
const startTlsRequest = new ExtendedRequest({ messageId, oid: '1.3.6.1.4.1.1466.20037' }).write()

const tags = { message: 0x30, integer: 0x02, extendedResponse: 0x78, enumerated: 0x0a } as const

/** More than an answer to StartTLS has, its message for people included. */
const longestAnswerBytes = 4096

/** Asks for TLS. What comes in the clear may be of anybody, so nothing of it is kept: behind the one answer, there must be nothing. */
async function startTls(socket: Socket, signal: AbortSignal): Promise<void> {
  await once(socket, 'connect', { signal })
  socket.write(startTlsRequest)
  let answer = Buffer.alloc(0)
  while (!isWhole(answer)) answer = Buffer.concat([answer, await readSome(socket, signal)])
  checkAnswer(answer)
}

/** @returns the bytes that are there, at least one; what comes later stays in the socket */
async function readSome(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    const chunk: unknown = socket.read()
    if (Buffer.isBuffer(chunk)) return chunk
    if (socket.readableEnded || socket.destroyed) throw new Error('the connection ended before StartTLS was answered')
    // it comes with the end too
    await once(socket, 'readable', { signal })
  }
}

function isWhole(answer: Buffer): boolean {
  if (answer.length > 0 && answer[0] !== tags.message) throw new Error('the answer to StartTLS is no message of LDAP')
  const end = readHeader(answer, 0)?.end
  if ((end ?? answer.length) > longestAnswerBytes) throw new Error('the answer to StartTLS is too long')
  return end !== undefined && answer.length >= end
}

function checkAnswer(answer: Buffer): void {
  const message = readHeader(answer, 0)
  if (message === undefined || answer.length > message.end)
    throw new Error('something in the clear follows the answer to StartTLS')
  const [id, response] = elementsIn(answer, message)
  const isOurs = id?.tag === tags.integer && id.end - id.start === 1 && answer[id.start] === messageId
  if (!isOurs || response?.tag !== tags.extendedResponse) throw new Error('the answer to StartTLS is another one')
  const [code] = elementsIn(answer, response)
  if (code?.tag !== tags.enumerated || code.end - code.start !== 1)
    throw new Error('the answer to StartTLS has no result code')
  if (answer[code.start] !== 0) throw new Error(`StartTLS is refused (result code ${answer[code.start]})`)
}
