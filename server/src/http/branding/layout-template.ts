// Checks the custom layout template (setting branding.layoutFile). An eta template is a program, so only a few tags are allowed: show a
// value, choose, repeat.
import { readFileSync } from 'node:fs'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'

const values = [
  'it.title',
  'it.language',
  'it.colourScheme',
  'it.branding.title',
  'it.assets.logo',
  "it.text('layout.footer')",
]
const ofLink = ['link.url', 'link.label']
const links = 'it.branding.footerLinks'
const conditions = [...values, 'it.wide', `${links}.length > 0`]
/** The two parts that the template must contain once: head and body. */
const parts = ["~ include('@head', it)", '~ it.body']

const longestBytes = 32 * 1024

/** @returns the template with allowed tags only
 *  @throws CodedError SETTINGS_INVALID with each fault and its line */
export function readLayout(path: string): string {
  let template: string
  try {
    template = readFileSync(path, 'utf8')
  } catch (cause) {
    throw invalid([`cannot read ${path}; mount the file there or correct the path`], cause)
  }
  const faults = checkLayout(template)
  if (faults.length > 0) throw invalid(faults.map(({ line, message }) => `${path}, line ${line}: ${message}`))
  return template
}

function invalid(messages: readonly string[], cause?: unknown): CodedError {
  const faults: Fault[] = messages.map((message) => ({ path: 'branding.layoutFile', message }))
  return new CodedError('SETTINGS_INVALID', { cause, faults })
}

interface LineFault {
  readonly line: number
  readonly message: string
}

/** @returns the faults of a template, by line; empty when valid
 *  @internal read by a test alone */
export function checkLayout(template: string): readonly LineFault[] {
  if (Buffer.byteLength(template) > longestBytes) return [{ line: 1, message: 'must be at most 32 KiB' }]
  const tags = [...template.matchAll(/<%([^]*?)(%>|$)/g)].map(({ 1: inner = '', 2: end, index }) => ({
    text: inner.trim().replace(/\s+/g, ' '),
    isClosed: end === '%>',
    line: lineAt(template, index),
  }))
  const open: Block[] = []
  const faults = tags.flatMap((tag) => faultOf(tag, open).map((message) => ({ line: tag.line, message })))
  const unclosed = open.map(({ line }) => ({ line, message: 'this block has no <% } %>' }))
  const missing = parts
    .filter((part) => tags.filter(({ text }) => text === part).length !== 1)
    .map((part) => ({ line: 1, message: `must have <%${part} %> once` }))
  return [...faults, ...unclosed, ...missing]
}

const lineAt = (template: string, index: number): number => template.slice(0, index).split('\n').length

interface Block {
  readonly line: number
  readonly kind: 'if' | 'for' | 'else'
}

/** @param open the open blocks around the tag; changed by a tag that begins or ends one */
function faultOf(
  { text, isClosed, line }: { text: string; isClosed: boolean; line: number },
  open: Block[],
): readonly string[] {
  if (!isClosed) return ['<% has no %>']
  if (parts.includes(text)) return []
  const inLoop = open.some(({ kind }) => kind === 'for')
  const shown = /^= (.+)$/.exec(text)?.[1]
  if (shown !== undefined) return isOneOf(shown, [...values, ...(inLoop ? ofLink : [])])
  const condition = /^if \((.+)\) \{$/.exec(text)?.[1]
  if (condition !== undefined) {
    open.push({ line, kind: 'if' })
    return isOneOf(condition, conditions)
  }
  if (text === `for (const link of ${links}) {`) {
    open.push({ line, kind: 'for' })
    return []
  }
  if (text === '} else {' && open.at(-1)?.kind === 'if') {
    open.push({ ...open.pop()!, kind: 'else' })
    return []
  }
  if (text === '}' && open.pop() !== undefined) return []
  return [`<%${text.startsWith('=') || text.startsWith('~') ? text : ` ${text}`} %> is not allowed here`]
}

const isOneOf = (value: string, allowed: readonly string[]): readonly string[] =>
  allowed.includes(value) ? [] : [`${value} cannot be shown; there are ${allowed.join(', ')}`]
