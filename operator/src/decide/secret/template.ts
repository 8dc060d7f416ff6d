// Templates of spec.secret.data: `{{ .variable | filter }}` and nothing else. Not a programming language on purpose: what
// renders a credential must not loop, nest or read anything.
import { isOneOf } from '@nauthera/runtime/json'

export const templateVariables = [
  'clientId',
  'clientSecret',
  'issuer',
  'discoveryUrl',
  'authorizationEndpoint',
  'tokenEndpoint',
  'userinfoEndpoint',
  'jwksUri',
  'endSessionEndpoint',
  'scopes',
  'redirectUris',
  'namespace',
  'name',
] as const
export type TemplateVariable = (typeof templateVariables)[number]

const filters: Readonly<Record<string, (value: string) => string>> = {
  /** A JSON string with its quotes. */
  json: (value) => JSON.stringify(value),
  b64: (value) => Buffer.from(value).toString('base64'),
  url: (value) => encodeURIComponent(value),
}

/** The longest rendered value: filters can multiply the length. Characters. */
const maxRendered = 64 * 1024

/** @returns the text, or the fault of the template. A value is never parsed as a template. */
export function renderTemplate(
  template: string,
  values: Readonly<Record<TemplateVariable, string>>,
): { readonly kind: 'rendered'; readonly text: string } | { readonly kind: 'invalid'; readonly message: string } {
  const parts: string[] = []
  let at = 0
  while (at < template.length) {
    const opens = template.indexOf('{{', at)
    if (opens === -1) break
    const closes = template.indexOf('}}', opens)
    if (closes === -1) return { kind: 'invalid', message: 'must close every {{ with }}' }
    const rendered = renderExpression(template.slice(opens + 2, closes), values)
    if (rendered.kind === 'invalid') return rendered
    parts.push(template.slice(at, opens), rendered.text)
    at = closes + 2
  }
  const text = parts.join('') + template.slice(at)
  return text.length > maxRendered
    ? { kind: 'invalid', message: `must render to at most ${maxRendered} characters` }
    : { kind: 'rendered', text }
}

function renderExpression(
  expression: string,
  values: Readonly<Record<TemplateVariable, string>>,
): ReturnType<typeof renderTemplate> {
  const [variable = '', ...names] = expression.split('|').map((part) => part.trim())
  const name = variable.slice(1)
  if (!variable.startsWith('.') || !isOneOf(templateVariables, name)) {
    const known = templateVariables.map((one) => `.${one}`).join(', ')
    return { kind: 'invalid', message: `has the unknown variable ${JSON.stringify(variable)}; known are ${known}` }
  }
  if (names.length > 4) return { kind: 'invalid', message: 'must have at most four filters in one expression' }
  let text = values[name]
  for (const filter of names) {
    const apply = Object.hasOwn(filters, filter) ? filters[filter] : undefined
    if (!apply)
      return { kind: 'invalid', message: `has the unknown filter ${JSON.stringify(filter)}; known are json, b64, url` }
    text = apply(text)
  }
  return { kind: 'rendered', text }
}
