// Converts P-256 signatures between DER (RFC 3279 section 2.2.3) and the form of JWTs (RFC 7518 section 3.4). The conversion of
// node:crypto takes twice the time.

const half = 32

/** @param der as OpenSSL makes it */
export function rawFromDer(der: Buffer): Buffer {
  const raw = Buffer.alloc(2 * half)
  // 0x30, length, then twice: 0x02, length, number
  let at = 3
  for (const end of [half, 2 * half]) {
    const length = der[at]!
    const from = at + 1 + Math.max(0, length - half)
    der.copy(raw, end - Math.min(length, half), from, at + 1 + length)
    at += length + 2
  }
  return raw
}

/** @returns undefined for anything but 64 bytes */
export function derFromRaw(raw: Buffer): Buffer | undefined {
  if (raw.length !== 2 * half) return undefined
  const numbers = [raw.subarray(0, half), raw.subarray(half)].map(asInteger)
  const content = Buffer.concat(numbers.flatMap((number) => [Buffer.from([0x02, number.length]), number]))
  return Buffer.concat([Buffer.from([0x30, content.length]), content])
}

/** Without zeros at the front, but for the one that keeps it positive. */
function asInteger(number: Buffer): Buffer {
  let at = 0
  while (at < number.length - 1 && number[at] === 0) at++
  const short = number.subarray(at)
  return short[0]! < 0x80 ? short : Buffer.concat([Buffer.from([0]), short])
}
