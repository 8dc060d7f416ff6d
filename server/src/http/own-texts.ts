// The people who run this service can change texts, and add languages (setting branding.textsDirectory).
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '@nauthera/runtime/coded-error'
import { languageOf } from './languages.ts'
import type { Language } from './languages.ts'

/** Key -> text, in which `{name}` stands for a value. */
export type Entries = Readonly<Record<string, string>>

const longestText = 2_000

/** @param directory with files `<language>.json`; others, such as those that Kubernetes puts beside the entries of a ConfigMap, are passed over
 *  @param english the keys that there are, and the values that each text may name
 *  @returns the texts of each language that has a file
 *  @throws CodedError SETTINGS_INVALID with each fault of each file */
export function readOwnTexts(directory: string, english: Entries): ReadonlyMap<Language, Entries> {
  const files = readOrThrow(directory, () => readdirSync(directory)).filter((file) => languageOf(file) !== undefined)
  if (files.length === 0) throw invalid([`${directory} has no file such as fr.json; add one, or leave the setting out`])
  const read = files.map((file) => {
    const path = join(directory, file)
    const text = readOrThrow(path, () => readFileSync(path, 'utf8'))
    return { language: languageOf(file)!, ...checkTexts(path, text, english) }
  })
  const faults = read.flatMap((file) => file.faults)
  if (faults.length > 0) throw invalid(faults)
  return new Map(read.map(({ language, entries }) => [language, entries]))
}

function checkTexts(path: string, text: string, english: Entries): { entries: Entries; faults: readonly string[] } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return { entries: {}, faults: [`${path} is no JSON: ${(error as Error).message}`] }
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { entries: {}, faults: [`${path} must be an object of keys and texts`] }
  const all: readonly [string, unknown][] = Object.entries(json)
  const entries = all.filter((entry): entry is [string, string] => isText(entry[1]))
  const others = all.filter(([, text]) => !isText(text))
  return {
    entries: Object.fromEntries(entries),
    faults: [
      ...others.map(([key]) => `${path}: ${key} must be a text of 1 to ${longestText} characters`),
      ...entries.flatMap(([key, own]) => faultsOf(path, key, own, english)),
    ],
  }
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.length <= longestText

function faultsOf(path: string, key: string, own: string, english: Entries): readonly string[] {
  if (!Object.hasOwn(english, key))
    return [`${path}: ${key} is no text of this version; docs/branding.md says where they are`]
  const known = namesIn(english[key]!)
  const unknown = namesIn(own).filter((name) => !known.includes(name))
  if (unknown.length === 0) return []
  const may = known.length === 0 ? 'it has none' : `it has ${known.map((name) => `{${name}}`).join(', ')}`
  return [`${path}: ${key} names {${unknown.join('}, {')}}; ${may}`]
}

const namesIn = (text: string): readonly string[] => [...text.matchAll(/\{([a-zA-Z]+)\}/g)].map(([, name = '']) => name)

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
