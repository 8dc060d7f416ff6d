// Lets only whole and well-formed answers of a directory through to the client. Its parser (ldapts 9.2) goes on for ever, or without
// end into memory, where a message says a length that is not there.
import type { TLSSocket } from 'node:tls'
import { guardIncoming } from '@nauthera/runtime/guard-incoming'
import { BerFault, elementsIn, readHeader } from './ber.ts'
import type { BerElement } from './ber.ts'

/** Of one message, bytes and elements: an entry with thousands of groups has less. */
const mostMessage = { bytes: 2 ** 20, elements: 20_000 } as const
/** That come for one question, bytes: a page of 500 entries has far less. */
const mostAnswerBytes = 16 * 2 ** 20

/** Ends the connection at the first byte that no directory sends. */
export function guardAnswers(socket: TLSSocket): void {
  const frames = new AnswerFrames()
  /** What was asked before, and how much came since: bytes. */
  let question = { written: 0, answered: 0 }
  // one at a time: the client handles those of one chunk by recursion
  guardIncoming(socket, (chunk) => {
    if (question.written !== socket.bytesWritten) question = { written: socket.bytesWritten, answered: 0 }
    question.answered += chunk.length
    if (question.answered > mostAnswerBytes) throw new BerFault('the answer does not end')
    return frames.take(chunk)
  })
}

/** Cuts a stream into messages. */
export class AnswerFrames {
  /** The first bytes of a message, until they say how long it is. */
  #head = Buffer.alloc(0)
  /** Room for the message that has begun: however it is cut, it takes no more. */
  #message: Buffer | undefined
  #filled = 0

  /** @returns the messages that are whole now
   *  @throws BerFault for one that no directory sends */
  take(chunk: Buffer): Buffer[] {
    const whole: Buffer[] = []
    for (let at = 0; at < chunk.length;) {
      if (this.#message === undefined) {
        this.#begin(chunk.subarray(at, ++at))
      } else {
        const copied = chunk.copy(this.#message, this.#filled, at)
        at += copied
        this.#filled += copied
      }
      if (this.#message === undefined || this.#filled < this.#message.length) continue
      new AnswerCheck(this.#message).check()
      whole.push(this.#message)
      this.#message = undefined
    }
    return whole
  }

  #begin(byte: Buffer): void {
    this.#head = Buffer.concat([this.#head, byte])
    if (this.#head[0] !== tags.message) throw new BerFault('an answer is no message of LDAP')
    const size = readHeader(this.#head, 0)?.end
    if (size === undefined) return
    if (size > mostMessage.bytes) throw new BerFault('a message is too long')
    this.#message = Buffer.alloc(size)
    this.#filled = this.#head.copy(this.#message)
    this.#head = Buffer.alloc(0)
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

/** Whether a message looks as an answer of a directory does (RFC 4511 appendix B). The client sends no other requests than those that
 *  are answered so. */
class AnswerCheck {
  readonly #bytes: Buffer
  #elementsLeft: number = mostMessage.elements

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** @throws BerFault */
  check(): void {
    const [message] = this.#in({ start: 0, end: this.#bytes.length })
    if (message === undefined) throw malformed()
    const [id, answer, controls, ...rest] = this.#in(message)
    if (id?.tag !== tags.integer || answer === undefined || rest.length > 0) throw malformed()
    this.#checkAnswer(answer)
    if (controls) this.#checkControls(controls)
  }

  #checkAnswer(answer: BerElement): void {
    switch (answer.tag) {
      case 0x61: // to a bind
      case 0x65: // the end of a search
      case 0x78: // the notice that it goes away
        return this.#checkResult(answer)
      case 0x64:
        return this.#checkEntry(answer)
      case 0x73: // a reference
        return this.#checkEach(answer, tags.text)
      default:
        throw new BerFault(`an answer has the unknown tag ${answer.tag}`)
    }
  }

  /** Result code, DN, message; then what has a tag of its own: referrals, a name, a value. */
  #checkResult(result: BerElement): void {
    const [code, dn, message, ...rest] = this.#in(result)
    const isResult = code?.tag === tags.enumerated && dn?.tag === tags.text && message?.tag === tags.text
    if (!isResult || rest.some(({ tag }) => (tag & 0xc0) !== 0x80 || tag === tags.controls)) throw malformed()
  }

  #checkEntry(entry: BerElement): void {
    const [dn, attributes, ...rest] = this.#in(entry)
    if (dn?.tag !== tags.text || attributes?.tag !== tags.sequence || rest.length > 0) throw malformed()
    for (const attribute of this.#in(attributes)) {
      const [type, values, ...more] = this.#in(attribute)
      const isAttribute = attribute.tag === tags.sequence && type?.tag === tags.text && values?.tag === tags.set
      if (!isAttribute || more.length > 0) throw malformed()
      this.#checkEach(values, tags.text)
    }
  }

  /** Each has a type; then perhaps whether it is critical, and a value. */
  #checkControls(controls: BerElement): void {
    if (controls.tag !== tags.controls) throw malformed()
    for (const control of this.#in(controls)) {
      const [type, ...rest] = this.#in(control)
      if (control.tag !== tags.sequence || type?.tag !== tags.text) throw malformed()
      if (!controlForms.includes(rest.map(({ tag }) => tag).join())) throw malformed()
    }
  }

  #checkEach(parent: BerElement, tag: number): void {
    if (this.#in(parent).some((element) => element.tag !== tag)) throw malformed()
  }

  #in(parent: Omit<BerElement, 'tag'>): BerElement[] {
    const elements = elementsIn(this.#bytes, parent, this.#elementsLeft)
    this.#elementsLeft -= elements.length
    return elements
  }
}

const controlForms: readonly string[] = ['', `${tags.boolean}`, `${tags.text}`, `${tags.boolean},${tags.text}`]

const malformed = () => new BerFault('an answer is malformed')
