import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { covers, judgeDetails, narrowDetails, standingDetails } from '../../../src/oidc/apis/details.ts'
import type { Detail } from '../../../src/oidc/apis/detail-type.ts'

const identifier = 'urn:bank'
const declared = {
  type: 'payment',
  title: 'Pay',
  actions: ['a', 'b', 'c'],
  datatypes: ['x', 'y'],
  fields: [
    { name: 'amount.value', kind: 'Text' },
    { name: 'count', kind: 'Number' },
  ],
}
const api = {
  config: create(ClientConfigSchema, { resourceServer: { identifier, scopes: [], authorizationDetails: [declared] } }),
}
const apis = { findApi: (id: string) => (id === identifier ? api : undefined) } as never
const client = (types: readonly string[] | undefined) => ({
  namespace: 'apps',
  name: 'shop',
  config: create(ClientConfigSchema, { audiences: [identifier], authorizationDetailsTypes: ['payment'] }),
  granted: [{ identifier, scopes: [], ...(types ? { types } : {}) }],
})

const subset = (...values: string[]) => fc.subarray(values, { minLength: 1 })
const detail: fc.Arbitrary<Detail> = fc
  .record(
    {
      actions: subset('a', 'b', 'c', 'd'),
      datatypes: subset('x', 'y', 'z'),
      amount: fc.record({ value: fc.constantFrom('1', '2', '') }),
      count: fc.constantFrom(1, 2, '1'),
      extra: fc.constant('x'),
    },
    { requiredKeys: [] },
  )
  .map((fields) => JSON.parse(JSON.stringify({ type: 'payment', ...fields })) as Detail)
const runs = { numRuns: propertyRuns(2_000) }
const rights = (one: Detail): Set<string> =>
  new Set(
    Object.entries(one).flatMap(([name, value]) =>
      Array.isArray(value) ? value.map((each) => `${name} ${String(each)}`) : [`${name} ${JSON.stringify(value)}`],
    ),
  )

describe('covers', () => {
  it('holds exactly for the same fields, with nothing in them that is not there before', () => {
    fc.assert(
      fc.property(detail, detail, (granted, asked) => {
        const isSameFields = Object.keys(granted).toSorted().join() === Object.keys(asked).toSorted().join()
        const had = rights(granted)
        const expected = isSameFields && [...rights(asked)].every((right) => had.has(right))
        expect(covers(granted, asked)).to.equal(expected)
      }),
      runs,
    )
  })

  it('does not look at what every object has', () => {
    const odd = JSON.parse('{"type":"payment","toString":"x"}') as Detail
    expect(covers({ type: 'payment', actions: ['a'] }, odd)).to.equal(false)
  })
})

describe('narrowDetails', () => {
  it('gives all that is granted when nothing is asked for, and never more than that', () => {
    fc.assert(
      fc.property(fc.array(detail, { maxLength: 3 }), fc.array(detail, { maxLength: 3 }), (granted, asked) => {
        expect(narrowDetails(undefined, granted)).to.deep.equal({ kind: 'allowed', details: granted })
        const verdict = narrowDetails(JSON.stringify(asked), granted)
        if (verdict.kind === 'refused') return
        for (const one of verdict.details) expect(granted.some((other) => covers(other, one))).to.equal(true)
        expect(verdict.details.length).to.be.at.most(granted.length)
      }),
      runs,
    )
  })

  const asks = (asked: readonly Detail[], granted: readonly Detail[]) =>
    narrowDetails(JSON.stringify(asked), granted).kind
  const pay = (...actions: string[]): Detail => ({ type: 'payment', actions, amount: 10 })

  it('T60 gives one for one: what was agreed to once is not there twice, however it is written', () => {
    expect(asks([pay('initiate')], [pay('initiate', 'view')])).to.equal('allowed')
    expect(asks([pay('initiate'), pay('view')], [pay('initiate', 'view')])).to.equal('refused')
    expect(asks([pay('initiate'), pay('initiate', 'initiate')], [pay('initiate')])).to.equal('refused')
    expect(asks([pay('initiate', 'initiate')], [pay('initiate')])).to.equal('refused')
  })

  it('finds for each its own, whatever the order is', () => {
    const granted = [pay('a', 'b'), pay('a'), pay('b', 'c')]
    expect(asks([pay('a'), pay('b'), pay('c')], granted)).to.equal('allowed')
    expect(asks([pay('c'), pay('a'), pay('b')], granted)).to.equal('allowed')
    expect(asks([pay('c'), pay('a'), pay('b', 'c')], granted)).to.equal('refused')
  })

  it('T60 takes no empty list for less: to an API it may mean everything', () => {
    expect(asks([pay()], [pay('initiate')])).to.equal('refused')
    expect(asks([pay()], [pay()])).to.equal('allowed')
  })
})

describe('judgeDetails and standingDetails', () => {
  it('agree: what a request may ask for now is what a token may have now', () => {
    fc.assert(
      fc.property(detail, fc.constantFrom(undefined, [], ['payment'], ['other']), (one, types) => {
        const asked = { text: JSON.stringify([one]), resources: [identifier] }
        const verdict = judgeDetails(asked, client(types), apis)
        const standing = standingDetails({ [identifier]: [one] }, client(types), apis)
        expect(standing).to.deep.equal(verdict.kind === 'allowed' ? { [identifier]: [one] } : {})
        if (verdict.kind === 'allowed') expect(types).to.deep.equal(['payment'])
      }),
      runs,
    )
  })

  it('give nothing where nothing is granted', () => {
    const before = { ...client(['payment']), granted: [] }
    const text = '[{"type":"payment"}]'
    expect(judgeDetails({ text, resources: [identifier] }, before, apis).kind).to.equal('refused')
    expect(standingDetails({ [identifier]: [{ type: 'payment' }] }, before, apis)).to.deep.equal({})
  })

  it('take any text and any JSON without throwing, and answer in characters that an error may have', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json({ maxDepth: 8 }),
          fc.json().map((one) => `[${one}]`),
        ),
        (text) => {
          const verdict = judgeDetails({ text, resources: [identifier] }, client(['payment']), apis)
          if (verdict.kind === 'refused') expect(verdict.description).to.match(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/)
        },
      ),
      runs,
    )
  })
})
