import { expect } from 'chai'
import { fieldsByKind, usesOfFields } from '../../scripts/fields-page.ts'

// What examples show, tests take or refuse (bad-manifests, same-answer): a field without an example is one that nobody tried.

describe('each field of an OIDCClient and of an OIDCPolicy', () => {
  const uses = usesOfFields('examples')
  for (const [kind, fields] of Object.entries(fieldsByKind())) {
    it(`${kind}: says what it does`, () => {
      expect(fields.filter(({ schema }) => (schema.description ?? '') === '').map(({ path }) => path)).to.deep.equal([])
    })

    it(`${kind}: stands in an example`, () => {
      expect(fields.map(({ path }) => path).filter((path) => !uses.has(`${kind} ${path}`))).to.deep.equal([])
    })
  }
})
