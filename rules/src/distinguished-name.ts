// Parses and compares distinguished names (RFC 4514), such as `auth.tls.subjectDN` and those of a directory.

/** One attribute of each relative name: `type=value`, with the type as an OID. A relative name of several attributes has them in order. */
export type DistinguishedName = readonly (readonly string[])[]

/** Source: RFC 4514 section 3, and what certificates use besides. Also what libraries write for the same. */
const types: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  SN: '2.5.4.4',
  SERIALNUMBER: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  T: '2.5.4.12',
  TITLE: '2.5.4.12',
  G: '2.5.4.42',
  GN: '2.5.4.42',
  I: '2.5.4.43',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
  E: '1.2.840.113549.1.9.1',
  EMAILADDRESS: '1.2.840.113549.1.9.1',
}

/** @returns the OID; undefined for a type that nobody here knows by a name */
export function typeOid(type: string): string | undefined {
  return /^\d+(\.\d+)+$/.test(type) ? type : types[type.toUpperCase()]
}

/** One `type=value`, as it is meant. */
export interface NamePart {
  readonly type: string
  readonly value: string
}

/** `CN=worker,O=Example` -> the relative names as they stand there, each of one attribute or of several.
 *  @returns undefined for what is no such text. A value in hexadecimal (`#04...`) is not taken */
export function parseRelativeNames(text: string): readonly (readonly [NamePart, ...NamePart[]])[] | undefined {
  const names: [NamePart, ...NamePart[]][] = []
  for (const part of splitAt(text, ',')) {
    const attributes = splitAt(part, '+').map(parseAttribute)
    const [first, ...more] = attributes.filter((attribute) => attribute !== undefined)
    if (first === undefined || more.length + 1 < attributes.length) return undefined
    names.push([first, ...more])
  }
  return names
}

/** @returns the names, the narrowest first as they stand there; undefined as above, and for a type that is unknown */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const names = parseRelativeNames(text)?.map((name) => name.map(({ type, value }) => attributeOf(type, value)))
  if (names === undefined || names.flat().includes(undefined)) return undefined
  return names.map((name) => name.filter((attribute) => attribute !== undefined).toSorted())
}

/** Whether two names are the same: the same values in the same order, letter by letter. */
export function isSameName(one: DistinguishedName, other: DistinguishedName): boolean {
  return (
    one.length === other.length &&
    one.every(
      (name, at) =>
        name.length === other[at]!.length && name.every((attribute, place) => attribute === other[at]![place]),
    )
  )
}

/** @returns the attribute as names have it; undefined for a type that is unknown */
export function attributeOf(type: string, value: string): string | undefined {
  const oid = typeOid(type)
  return oid && `${oid}=${value}`
}

/** Splits at a character without a backslash before it. */
function splitAt(text: string, separator: string): readonly string[] {
  const parts: string[] = []
  let from = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === separator) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return [...parts, text.slice(from)]
}

function parseAttribute(part: string): NamePart | undefined {
  const equals = part.indexOf('=')
  const type = part.slice(0, Math.max(0, equals)).trim()
  const value = unescaped(trimmed(part.slice(equals + 1)))
  return type === '' || value === undefined || value === '' ? undefined : { type, value }
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

/** `\2c` is a byte of UTF-8, `\,` the character itself. Undefined where something stands that has to be escaped. */
function unescaped(text: string): string | undefined {
  if (text.startsWith('#')) return undefined
  const bytes: Buffer[] = []
  for (let at = 0; at < text.length;) {
    const escape = /^\\(?:([0-9a-f]{2})|([ "#+,;<=>\\]))/i.exec(text.slice(at, at + 3))
    if (escape) {
      bytes.push(escape[1] === undefined ? Buffer.from(escape[2]!) : Buffer.from(escape[1], 'hex'))
      at += escape[1] === undefined ? 2 : 3
      continue
    }
    const character = String.fromCodePoint(text.codePointAt(at)!)
    if (/[\\"<>;\0]/.test(character)) return undefined
    bytes.push(Buffer.from(character))
    at += character.length
  }
  const whole = Buffer.concat(bytes)
  const value = whole.toString()
  // what is no UTF-8 names nobody
  return Buffer.from(value).equals(whole) ? value : undefined
}
