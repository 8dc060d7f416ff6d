// Lets only whole and well-formed answers of a directory through to the client. Its parser (ldapts 9.2) goes on for ever, or without
// end into memory, where a message says a length that is not there.
import type { TLSSocket } from 'node:tls'
import { BerFault, elementsIn, readHeader } from './ber.ts'
import type { BerElement } from './ber.ts'

/** Of one message, bytes: an entry with all that is asked for has far less. */
const mostMessageBytes = 4 * 2 ** 20
/** That come for one question, bytes: a page of 500 entries has far less. */
const mostAnswerBytes = 16 * 2 ** 20

/** Ends the connection at the first byte that no directory sends. */
export function guardAnswers(socket: TLSSocket): void {
  const frames = new AnswerFrames()
  const pass = socket.push.bind(socket)
  /** What was asked before, and how much came since: bytes. */
  let question = { written: 0, answered: 0 }
  // what a socket received reaches its readers by push alone
  socket.push = (chunk: unknown) => {
    if (!Buffer.isBuffer(chunk)) return pass(chunk)
    try {
      if (question.written !== socket.bytesWritten) question = { written: socket.bytesWritten, answered: 0 }
      question.answered += chunk.length
      if (question.answered > mostAnswerBytes) throw new BerFault('the answer does not end')
      let wantsMore = true
      // one at a time: the client handles those of one chunk by recursion
      for (const message of frames.take(chunk)) wantsMore = pass(message)
      return wantsMore
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new BerFault('unreadable'))
      return false
    }
  }
}

/** Cuts a stream into messages. */
export class AnswerFrames {
  #chunks: Buffer[] = []
  #size = 0
  /** How many bytes the message has that is not there yet. */
  #needed = 2

  /** @returns the messages that are whole now
   *  @throws BerFault for one that no directory sends */
  take(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#needed) return []
    const bytes = Buffer.concat(this.#chunks)
    const whole: Buffer[] = []
    let at = 0
    for (;;) {
      const header = readHeader(bytes, at)
      if (bytes.length > at && bytes[at] !== tags.message) throw new BerFault('an answer is no message of LDAP')
      if (header && header.end - at > mostMessageBytes) throw new BerFault('a message is too long')
      // before its length is known, each further byte is looked at
      this.#needed = header ? header.end - at : bytes.length - at + 1
      if (header === undefined || header.end > bytes.length) break
      checkMessage(bytes, header)
      whole.push(bytes.subarray(at, header.end))
      at = header.end
    }
    this.#chunks = at < bytes.length ? [bytes.subarray(at)] : []
    this.#size = bytes.length - at
    return whole
  }
}

const tags = {
  message: 0x30,
  integer: 0x02,
  boolean: 0x01,
  text: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
  controls: 0xa0,
} as const

type CheckContent = (bytes: Buffer, element: BerElement) => void

/** What answers of a directory look like, by tag (RFC 4511 appendix B). The client sends no other requests. */
const answers: Readonly<Record<number, CheckContent>> = {
  0x61: checkResult,
  0x64: checkEntry,
  0x65: checkResult,
  0x73: (bytes, reference) => checkEach(bytes, reference, tags.text),
  0x78: checkResult,
}

function checkMessage(bytes: Buffer, message: BerElement): void {
  const [id, answer, controls, ...rest] = elementsIn(bytes, message)
  if (id?.tag !== tags.integer || answer === undefined || rest.length > 0) throw malformed()
  const check = answers[answer.tag]
  if (check === undefined) throw new BerFault(`an answer has the unknown tag ${answer.tag}`)
  check(bytes, answer)
  if (controls) checkControls(bytes, controls)
}

/** Result code, DN, message; then what has a tag of its own: referrals, a name, a value. */
function checkResult(bytes: Buffer, result: BerElement): void {
  const [code, dn, message, ...rest] = elementsIn(bytes, result)
  const isResult = code?.tag === tags.enumerated && dn?.tag === tags.text && message?.tag === tags.text
  if (!isResult || rest.some(({ tag }) => (tag & 0xc0) !== 0x80 || tag === tags.controls)) throw malformed()
}

function checkEntry(bytes: Buffer, entry: BerElement): void {
  const [dn, attributes, ...rest] = elementsIn(bytes, entry)
  if (dn?.tag !== tags.text || attributes?.tag !== tags.sequence || rest.length > 0) throw malformed()
  for (const attribute of elementsIn(bytes, attributes)) {
    const [type, values, ...more] = elementsIn(bytes, attribute)
    if (attribute.tag !== tags.sequence || type?.tag !== tags.text || values?.tag !== tags.set || more.length > 0)
      throw malformed()
    checkEach(bytes, values, tags.text)
  }
}

/** Each has a type; then perhaps whether it is critical, and a value. */
function checkControls(bytes: Buffer, controls: BerElement): void {
  if (controls.tag !== tags.controls) throw malformed()
  for (const control of elementsIn(bytes, controls)) {
    const parts = elementsIn(bytes, control).map(({ tag }) => tag)
    const [type, ...rest] = parts
    if (control.tag !== tags.sequence || type !== tags.text) throw malformed()
    if (!controlForms.includes(rest.join())) throw malformed()
  }
}
const controlForms: readonly string[] = ['', `${tags.boolean}`, `${tags.text}`, `${tags.boolean},${tags.text}`]

function checkEach(bytes: Buffer, parent: BerElement, tag: number): void {
  if (elementsIn(bytes, parent).some((element) => element.tag !== tag)) throw malformed()
}

const malformed = () => new BerFault('an answer is malformed')
