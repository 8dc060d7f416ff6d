import { expect } from 'chai'
import { checkValue } from '../../src/api/check.ts'
import { clientSpec } from '../../src/api/client-rules.ts'
import { renderSchema } from '../../src/api/schema.ts'

// Through the CRD's own rules: what CEL makes of a pattern is what the API server will say.
const schema = renderSchema(clientSpec)
const faultsOf = (spec: Record<string, unknown>) =>
  checkValue(schema, { type: 'M2M', ...spec }, 'spec').map(({ path }) => path)

describe('patterns', () => {
  for (const [what, text] of [
    ['a tag character', 'Grafana\u{e0041}'],
    ['a tag alone', '\u{e0001}'],
    ['a variant of an ideograph', '葛\u{e0100}'],
    ['a variant of a letter', 'Grafana\ufe00'],
    ['a filler that shows nothing', 'Grafana\u3164'],
    ['a space of no width', 'Graf\u200bana'],
    ['text that runs the other way', 'Grafana\u202e'],
    ['a control character', 'Grafana\u0007'],
  ] as const) {
    it(`a display name has no place for ${what}`, () => {
      expect(faultsOf({ displayName: text })).to.deep.equal(['spec.displayName'])
    })
  }
  for (const [what, text] of [
    ['letters of any script', 'Grafana 監視 مانیتور Überwachung'],
    ['a joiner within a word', 'می\u200cخواهم'],
    ['emoji, in colour and joined', '\u2600\ufe0f \u{1f469}\u200d\u{1f4bb}'],
  ] as const) {
    it(`a display name may have ${what}`, () => expect(faultsOf({ displayName: text })).to.deep.equal([]))
  }

  for (const key of ['.', '..', '..data', '..a', '...', '']) {
    it(`a Secret has no key ${JSON.stringify(key)}`, () => {
      expect(faultsOf({ secret: { data: { [key]: 'x' } } })).to.deep.equal(['spec.secret.data'])
      expect(faultsOf({ secret: { keys: { client_id: key } } })).to.deep.equal(['spec.secret.keys'])
    })
  }
  for (const key of ['.a', '.env', 'a..b', 'a', `.${'a'.repeat(252)}`, 'a'.repeat(253)]) {
    it(`a Secret may have the key ${key.slice(0, 10)} of ${key.length} characters`, () => {
      expect(faultsOf({ secret: { data: { [key]: 'x' } } })).to.deep.equal([])
    })
  }
  it('a key has 253 characters at most', () => {
    for (const key of ['a'.repeat(254), `.${'a'.repeat(253)}`])
      expect(faultsOf({ secret: { data: { [key]: 'x' } } })).to.deep.equal(['spec.secret.data'])
  })
})
