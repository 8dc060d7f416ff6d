// Writes the keys of a preset: its row with the values of a client. Not a programming language: a row neither loops nor nests.
import { mostScopes } from '@nauthera/rules/limits'
import { canonicalKeys } from '../../api/client-secret.ts'
import type { PresetFile, PresetFormat } from '../../api/preset-rows.ts'
import { presetRow, presets } from '../../api/presets.ts'
import type { Preset } from '../../api/presets.ts'
import { presetValues } from './preset-values.ts'
import type { PresetInput, PresetValues } from './preset-values.ts'

type PresetData = Readonly<Record<string, string>>

/** @returns the keys that a preset adds */
export function presetData(preset: Preset, input: PresetInput): PresetData {
  const { keys, callback } = presetRow(preset)
  const values = presetValues(preset, callback, input)
  const entries = Object.entries(keys).flatMap(([key, written]) => {
    const each = key.endsWith('#') ? wordsOf(values['scopes']).map((scope) => ({ ...values, scope })) : [values]
    return each.flatMap((of, number) => {
      const text = write(written, of)
      return text === undefined ? [] : [[numbered(key, number), text] as const]
    })
  })
  return Object.fromEntries(entries)
}

const numbered = (key: string, number: number): string => key.replace(/#$/, String(number))

const write = (written: string | PresetFile, values: PresetValues): string | undefined =>
  typeof written === 'string' ? fill(written, values, asItIs) : fileText(written, values)

function fileText({ format, lines }: PresetFile, values: PresetValues): string {
  const end = format === 'python' ? '' : '\n'
  return lines
    .flatMap((line) => fill(line, values, formats[format]) ?? [])
    .map((line) => line + end)
    .join('')
}

/** How a format writes a value: within the quotes that its line has, and as one of a list. */
interface Quoting {
  readonly escape: (value: string) => string
  readonly listed: (word: string) => string
}

const asItIs: Quoting = { escape: (value) => value, listed: (word) => word }
/** YAML, TOML and Python read such text as JSON does. */
const inJson: Quoting = {
  escape: (value) => JSON.stringify(value).slice(1, -1),
  listed: (word) => JSON.stringify(word),
}

const formats: Readonly<Record<PresetFormat, Quoting>> = {
  yaml: inJson,
  toml: inJson,
  json: inJson,
  python: inJson,
  // a backslash that stands alone is dropped
  properties: { ...asItIs, escape: (value) => value.replaceAll('\\', '\\\\') },
  // in single quotes PHP reads no variables
  php: { ...asItIs, escape: (value) => value.replace(/[\\']/g, '\\$&') },
}

/** Values are put in once, so that one that looks like `<issuer>` stays as it is.
 *  @returns undefined for a client that lacks a value
 *  @throws Error for a value that no client has: the row is wrong */
function fill(text: string, values: PresetValues, { escape, listed }: Quoting): string | undefined {
  let lacks = false
  const filled = text.replaceAll(/<(\w+)([?!]| ,|)>/g, (_, name: string, form: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`a preset names the unknown value ${name}`)
    const value = values[name]
    lacks ||= (value === undefined) !== (form === '!')
    if (form === ' ,') return wordsOf(value).map(listed).join(',')
    return form === '' ? escape(value ?? '') : ''
  })
  return lacks ? undefined : filled
}

const wordsOf = (value = ''): string[] => value.split(' ').filter((word) => word !== '')

/** Every key that the operator names itself: the usual ones, and those of presets. Other keys have names that a tenant chose. */
export const ownKeys: ReadonlySet<string> = new Set([
  ...canonicalKeys,
  ...presets
    .flatMap((preset) => Object.keys(presetRow(preset).keys))
    .flatMap((key) => (key.endsWith('#') ? Array.from({ length: mostScopes }, (_, n) => numbered(key, n)) : key)),
])
