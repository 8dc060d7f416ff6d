/** @returns plain data as block YAML: keys in their order, every text quoted as JSON quotes it, which YAML reads alike.
 *  Enough for generated files, and without a library behind another door. */
export function toYaml(value: unknown): string {
  return block(value, '').replace(/^\n/, '') + '\n'
}

function block(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []'
    if (value.every((item) => typeof item !== 'object' || item === null)) return ` [${value.map(scalar).join(', ')}]`
    return value.map((item) => `\n${indent}-${block(item, `${indent}  `).replace(/^\n\s*/, ' ')}`).join('')
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, child]) => child !== undefined)
    if (entries.length === 0) return ' {}'
    return entries.map(([key, child]) => `\n${indent}${keyText(key)}:${block(child, `${indent}  `)}`).join('')
  }
  return ` ${scalar(value)}`
}

const keyText = (key: string): string => (/^[A-Za-z][A-Za-z0-9._/-]*$/.test(key) ? key : JSON.stringify(key))

const scalar = (value: unknown): string =>
  typeof value === 'string' &&
  /^[A-Za-z][A-Za-z0-9 ./-]*$/.test(value) &&
  !reserved.has(value.toLowerCase()) &&
  !value.endsWith(' ')
    ? value
    : JSON.stringify(value)

/** Words that YAML 1.1 readers take for something else. */
const reserved = new Set(['true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n', 'null'])
