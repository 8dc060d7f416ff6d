/** First bytes of each picture type. File names and headers are not trusted. */
const beginnings: readonly (readonly [type: string, offset: number, bytes: string])[] = [
  ['image/png', 0, '\u0089PNG\r\n\u001a\n'],
  ['image/jpeg', 0, '\u00ff\u00d8\u00ff'],
  ['image/gif', 0, 'GIF87a'],
  ['image/gif', 0, 'GIF89a'],
  ['image/webp', 8, 'WEBP'],
]

/** @returns the media type of a picture that browsers show; undefined for anything else */
export function pictureTypeOf(bytes: Buffer): string | undefined {
  const found = beginnings.find(
    ([, offset, text]) => bytes.subarray(offset, offset + text.length).toString('latin1') === text,
  )
  if (found !== undefined) return found[0]
  return beginsAsSvg(bytes.subarray(0, 4096).toString('utf8')) ? 'image/svg+xml' : undefined
}

/** Whether a text is an SVG, after a declaration and comments. It skips comments one by one: a regular expression for them takes
 *  exponential time on a hostile text. */
function beginsAsSvg(text: string): boolean {
  let rest = text.replace(/^\ufeff/, '').trimStart()
  if (rest.startsWith('<?xml')) rest = after(rest, '>')
  while (rest.startsWith('<!--')) rest = after(rest.slice('<!--'.length), '-->')
  return /^<svg[\s>]/.test(rest)
}

/** @returns the text after the first `end`; empty without one */
function after(text: string, end: string): string {
  const at = text.indexOf(end)
  return at < 0 ? '' : text.slice(at + end.length).trimStart()
}
