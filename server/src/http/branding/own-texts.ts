// Reads custom texts and languages (setting branding.textsDirectory).
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '@nauthera/runtime/coded-error'
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import { isJsonRecord } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import { languageOf } from './languages.ts'
import type { Language } from './languages.ts'

/** Key -> text, in which `{name}` stands for a value. */
export type Entries = Readonly<Record<string, string>>

export interface OwnTexts {
  readonly texts: ReadonlyMap<Language, Entries>
  /** Unknown keys with their files. They are ignored: the files may be for another version. */
  readonly unknown: readonly string[]
}

const longestText = 2_000
/** Allows a line break in a long word. */
const softHyphen = '\u00ad'
/** Texts that must contain every value of the English text: people agree to them. */
const whole = ['consent.', 'link-account.', 'linking.', 'security.link.']

/** @param directory with files `<language>.json`; other files are ignored
 *  @param english the known keys, and the values that each text may use
 *  @throws CodedError SETTINGS_INVALID with each fault of each file */
export function readOwnTexts(directory: string, english: Entries): OwnTexts {
  const files = readOrThrow(directory, () => readdirSync(directory)).filter((file) => languageOf(file) !== undefined)
  if (files.length === 0) throw invalid([`${directory} has no file such as fr.json; add one, or leave the setting out`])
  const read = files.map((file) => {
    const path = join(directory, file)
    const text = readOrThrow(path, () => readFileSync(path, 'utf8'))
    return { language: languageOf(file)!, ...checkTexts(path, text, english) }
  })
  const faults = read.flatMap((file) => file.faults)
  if (faults.length > 0) throw invalid(faults)
  return {
    texts: new Map(read.map(({ language, entries }) => [language, entries])),
    unknown: read.flatMap((file) => file.unknown),
  }
}

interface Checked {
  readonly entries: Entries
  readonly unknown: readonly string[]
  readonly faults: readonly string[]
}

function checkTexts(path: string, text: string, english: Entries): Checked {
  const refused = (fault: string): Checked => ({ entries: {}, unknown: [], faults: [fault] })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return refused(`${path} is no JSON: ${describeError(error)}`)
  }
  if (!isJsonRecord(json)) return refused(`${path} must be an object of keys and texts`)
  const all = Object.entries(json)
  const known = all.filter(([key]) => Object.hasOwn(english, key))
  const entries = known.filter((entry): entry is [string, string] => isText(entry[1]))
  const others = known.filter(([, value]) => !isText(value))
  return {
    entries: Object.fromEntries(entries),
    unknown: all.filter(([key]) => !Object.hasOwn(english, key)).map(([key]) => `${path}: ${key}`),
    faults: [
      ...others.map(([key]) => `${path}: ${key} must be a text of 1 to ${longestText} characters`),
      ...entries.flatMap(([key, own]) => faultsOf(key, own, english[key]!).map((fault) => `${path}: ${key} ${fault}`)),
    ],
  }
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.length <= longestText

function faultsOf(key: string, own: string, english: string): readonly string[] {
  const [known, named] = [namesIn(english), namesIn(own)]
  const unknown = named.filter((name) => !known.includes(name))
  const lacking = whole.some((start) => key.startsWith(start)) ? known.filter((name) => !named.includes(name)) : []
  const may = known.length === 0 ? 'it has none' : `it has ${inBraces(known)}`
  return [
    ...(hasHiddenInName(own.replaceAll(softHyphen, '')) ? ['must not contain invisible characters'] : []),
    ...(unknown.length === 0 ? [] : [`names ${inBraces(unknown)}; ${may}`]),
    ...(lacking.length === 0 ? [] : [`must name ${inBraces(lacking)}: people have to see what they agree to`]),
  ]
}

const inBraces = (names: readonly string[]): string => names.map((name) => `{${name}}`).join(', ')
const namesIn = (text: string): readonly string[] =>
  [...text.matchAll(/\{([a-zA-Z]+)(?:\|[^{}]*)?\}/g)].map(([, name = '']) => name)

function readOrThrow<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw invalid([`cannot read ${path}; mount it there or correct the path`], cause)
  }
}

function invalid(messages: readonly string[], cause?: unknown): CodedError {
  const faults = messages.map((message) => ({ path: 'branding.textsDirectory', message }))
  return new CodedError('SETTINGS_INVALID', { cause, faults })
}
