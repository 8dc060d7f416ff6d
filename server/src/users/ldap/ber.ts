// Where the elements of a message of a directory begin and end (BER, X.690), of bytes that nobody has looked at yet.

export interface BerElement {
  readonly tag: number
  /** Of its content, in the bytes that were given. */
  readonly start: number
  readonly end: number
}

/** The bytes are no message: the connection ends. */
export class BerFault extends Error {}

/** @param limit where the surrounding element ends
 *  @returns the element that begins at `at`; undefined while its header or its content is not there yet
 *  @throws BerFault for a length that is not definite, or longer than four bytes (RFC 4511 section 5.1) */
function findElement(bytes: Uint8Array, at: number, limit = bytes.length): BerElement | undefined {
  const header = readHeader(bytes, at, limit)
  return header !== undefined && header.end <= limit ? header : undefined
}

/** @returns the element that begins at `at`, as soon as its length is known
 *  @throws BerFault as findElement */
export function readHeader(bytes: Uint8Array, at: number, limit = bytes.length): BerElement | undefined {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined || at + 2 > limit) return undefined
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  const size = first - 0x80
  if (size === 0 || size > 4) throw new BerFault('a length is not definite, or too long')
  const start = at + 2 + size
  if (start > limit) return undefined
  const length = bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 0x100 + byte, 0)
  return { tag, start, end: start + length }
}

/** @returns the elements in the content of another one, which they fill
 *  @throws BerFault when they do not, or are more than `most` */
export function elementsIn(bytes: Uint8Array, { start, end }: Omit<BerElement, 'tag'>, most = 100): BerElement[] {
  const found: BerElement[] = []
  for (let at = start; at < end;) {
    const element = findElement(bytes, at, end)
    if (element === undefined) throw new BerFault('an element is longer than the one that holds it')
    found.push(element)
    if (found.length > most) throw new BerFault('there are too many elements')
    at = element.end
  }
  return found
}
