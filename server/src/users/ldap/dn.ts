// Parses distinguished names (RFC 4514) for names of groups and the place of an entry.

/** The parts of a name, the entry's own first, as `type=value` in one spelling. Two names of one entry give equal parts, when they
 *  differ in case, spaces and the way of escaping. */
export function partsOf(dn: string): readonly string[] {
  return splitAtCommas(dn).map((part) => {
    const { type, value } = typeAndValue(part)
    return `${type.toLowerCase()}=${value.toLowerCase()}`
  })
}

/** @returns the value of the first part, such as `dev` of `cn=dev,ou=groups,dc=example,dc=com`; undefined when there is none */
export function firstValueOf(dn: string): string | undefined {
  const [first] = splitAtCommas(dn)
  const { type, value } = typeAndValue(first ?? '')
  return type === '' || value === '' ? undefined : value
}

/** Whether an entry is the base itself or lies below it. */
export function isWithin(dn: string, base: string): boolean {
  const [parts, baseParts] = [partsOf(dn), partsOf(base)]
  const from = parts.length - baseParts.length
  return from >= 0 && baseParts.every((part, n) => part === parts[from + n])
}

function splitAtCommas(dn: string): string[] {
  const parts: string[] = []
  let from = 0
  for (const { 0: found, index } of dn.matchAll(/\\.|,/gs)) {
    if (found !== ',') continue
    parts.push(dn.slice(from, index))
    from = index + 1
  }
  return [...parts, dn.slice(from)].filter((part) => part.trim() !== '')
}

function typeAndValue(part: string): { type: string; value: string } {
  const equals = part.indexOf('=')
  if (equals < 0) return { type: '', value: '' }
  return { type: part.slice(0, equals).trim(), value: unescaped(trimmed(part.slice(equals + 1))) }
}

/** Without the spaces around it that are not escaped: after an odd number of backslashes a space is. */
function trimmed(text: string): string {
  const start = text.replace(/^ +/, '')
  const end = start.slice(0, beforeLast(start, ' '))
  const backslashes = end.length - beforeLast(end, '\\')
  return backslashes % 2 === 1 && end.length < start.length ? `${end} ` : end
}

/** @returns where the run of a character at the end of a text begins. A regular expression would also try each other place of a long run */
function beforeLast(text: string, character: string): number {
  let end = text.length
  while (text[end - 1] === character) end--
  return end
}

/** `\2c` is a byte of UTF-8, `\,` the character itself. */
function unescaped(text: string): string {
  const bytes: Buffer[] = []
  for (let at = 0; at < text.length;) {
    const hex = /^\\([0-9a-f]{2})/i.exec(text.slice(at, at + 3))
    if (hex) {
      bytes.push(Buffer.from(hex[1]!, 'hex'))
      at += 3
      continue
    }
    if (text[at] === '\\') at++
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0x5c)
    bytes.push(Buffer.from(character))
    at += character.length
  }
  return Buffer.concat(bytes).toString()
}
