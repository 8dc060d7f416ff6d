import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { renderTemplate, templateVariables } from '../../src/decide/secret/template.ts'
import type { TemplateVariable } from '../../src/decide/secret/template.ts'

describe('renderTemplate', () => {
  const values = Object.fromEntries(templateVariables.map((name) => [name, `<${name} "&">`])) as Record<
    TemplateVariable,
    string
  >
  const table: readonly [template: string, text: string][] = [
    ['', ''],
    ['plain', 'plain'],
    ['{{ .clientId }}', '<clientId "&">'],
    ['{{.clientId}}-{{ .name }}', '<clientId "&">-<name "&">'],
    ['{{ .clientId | json }}', '"<clientId \\"&\\">"'],
    ['{{ .clientId | url }}', '%3CclientId%20%22%26%22%3E'],
    ['{{ .clientId | b64 }}', Buffer.from('<clientId "&">').toString('base64')],
    ['{{ .clientId | json | b64 }}', Buffer.from('"<clientId \\"&\\">"').toString('base64')],
    ['a } b }} c', 'a } b }} c'],
  ]
  for (const [template, text] of table) {
    it(`renders ${template || '(nothing)'}`, () => {
      expect(renderTemplate(template, values)).to.deep.equal({ kind: 'rendered', text })
    })
  }

  const refused = [
    '{{',
    '{{ .clientId',
    '{{ }}',
    '{{ clientId }}',
    '{{ .constructor }}',
    '{{ .__proto__ }}',
    '{{ .clientId | toString }}',
    '{{ .clientId | upper }}',
    '{{ if .clientId }}x{{ end }}',
    '{{ {{ .clientId }} }}',
    '{{ .clientId | b64 | b64 | b64 | b64 | b64 }}',
    '{{ .clientId .name }}',
  ]
  for (const template of refused) {
    it(`K15 refuses ${template}`, () => {
      const result = renderTemplate(template, values)
      expect(result.kind === 'invalid' && result.message).to.match(/^(must|has) /)
    })
  }

  it('K15 never takes a value for a template', () => {
    const tricky = { ...values, clientId: '{{ .clientSecret }}' }
    expect(renderTemplate('{{ .clientId }}', tricky)).to.deep.equal({ kind: 'rendered', text: '{{ .clientSecret }}' })
  })

  it('K15 limits the size of what it renders', () => {
    const long = { ...values, redirectUris: 'x'.repeat(60_000) }
    expect(renderTemplate('{{ .redirectUris }}{{ .redirectUris }}', long).kind).to.equal('invalid')
  })

  it('K15 ends and throws nothing, whatever the template', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '{',
      '}',
      ' ',
      '.clientId',
      '.clientSecret',
      '|',
      'json',
      'b64',
      '\n',
      'x',
      '.',
      '__proto__',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const result = renderTemplate(pieces.join(''), values)
        expect(result.kind).to.be.oneOf(['rendered', 'invalid'])
      }),
      { numRuns: propertyRuns(2_000) },
    )
  })
})
