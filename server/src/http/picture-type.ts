/** What a picture begins with. The name and the header that it came with may say anything. */
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
  return /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*)*<svg[\s>]/.test(
    bytes
      .subarray(0, 4096)
      .toString('utf8')
      .replace(/^\ufeff/, ''),
  )
    ? 'image/svg+xml'
    : undefined
}
