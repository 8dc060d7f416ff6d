import { expect } from 'chai'
import { clientDefinition, clusterDefinition, policyDefinition } from '../../src/api/crds.ts'
import type { JsonSchema } from '../../src/api/schema.ts'

interface Place {
  readonly path: string
  readonly description: string
  readonly values: readonly string[]
}

/** Every place whose values are a list of words. */
function placesOf(schema: JsonSchema, path: string): readonly Place[] {
  const values = schema.enum ?? schema.items?.enum ?? []
  const here = values.length > 0 ? [{ path, description: schema.description ?? '', values }] : []
  const children = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    placesOf(child, `${path}.${name}`),
  )
  return [...here, ...children, ...(schema.items ? placesOf(schema.items, `${path}[]`) : [])]
}

describe('what kubectl explain shows', () => {
  for (const { spec } of [clientDefinition, policyDefinition]) {
    const places = placesOf(spec.versions[0]!.schema.openAPIV3Schema, '').filter(({ path }) => path.startsWith('.spec'))
    it(`has fields with listed values: ${spec.names.kind}`, () => expect(places.length).to.be.above(10))
    for (const { path, description, values } of places) {
      it(`${spec.names.kind}${path} lists its values`, () => {
        expect(values.filter((value) => !description.includes(value))).to.deep.equal([])
      })
    }
  }
})

/** Every rule of a schema. */
const rulesIn = (schema: JsonSchema): readonly string[] => [
  ...(schema['x-kubernetes-validations'] ?? []).map(({ rule }) => rule),
  ...Object.values(schema.properties ?? {}).flatMap(rulesIn),
  ...(schema.items ? rulesIn(schema.items) : []),
]

describe('the rules of the definitions', () => {
  for (const { spec } of [clientDefinition, policyDefinition, clusterDefinition])
    it(`read no field whose name CEL reserves, since the API server refuses such a definition: ${spec.names.kind}`, () => {
      const reserved =
        /\.(as|break|const|continue|else|for|function|if|import|in|let|loop|namespace|package|return|var|void|while)\b/
      const rules = rulesIn(spec.versions[0]!.schema.openAPIV3Schema)
      expect(rules.filter((rule) => reserved.test(rule))).to.deep.equal([])
    })
})
