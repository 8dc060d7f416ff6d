import { expect } from 'chai'
import { authorizationDetailsFaults, fieldsOfType } from '../src/authorization-details.ts'
import { config } from './configs.ts'

const payment = { type: 'payment', title: 'Make a payment' }
const faults = (...authorizationDetails: object[]) =>
  authorizationDetailsFaults(config({ resourceServer: { identifier: 'urn:a', authorizationDetails } })).map(
    ({ field, message }) => `${field}: ${message}`,
  )

describe('authorizationDetailsFaults', () => {
  it('finds nothing wrong with what the definition takes', () => {
    const fields = [
      { name: 'amount.currency', kind: 'Text' },
      { name: 'urgent', kind: 'Boolean' },
    ]
    const whole = { ...payment, actions: ['initiate'], identifier: true, fields }
    expect(faults({ ...whole, required: ['actions', 'identifier', 'locations', 'amount.currency'] })).to.deep.equal([])
    expect(authorizationDetailsFaults(config())).to.deep.equal([])
  })

  for (const [sentence, type, message] of [
    ['a type with a space', { ...payment, type: 'a payment' }, /must be a word without space/],
    ['a type without a title', { type: 'payment' }, /have a title/],
    ['an action with quotes', { ...payment, actions: ['"'] }, /words without space/],
    ['a field that is a common one', { ...payment, fields: [{ name: 'actions', kind: 'Text' }] }, /none of which is/],
    ['a field below a common one', { ...payment, fields: [{ name: 'type.a', kind: 'Text' }] }, /none of which is/],
    ['__proto__', { ...payment, fields: [{ name: '__proto__', kind: 'Text' }] }, /must have fields such as/],
    ['constructor', { ...payment, fields: [{ name: 'a.constructor', kind: 'Text' }] }, /must have fields such as/],
    [
      'a field twice',
      {
        ...payment,
        fields: [
          { name: 'a', kind: 'Text' },
          { name: 'a', kind: 'Text' },
        ],
      },
      /must have fields such as/,
    ],
    [
      'a field with others below it',
      {
        ...payment,
        fields: [
          { name: 'a', kind: 'Text' },
          { name: 'a.b', kind: 'Text' },
        ],
      },
      /others below it/,
    ],
    ['a kind that nobody knows', { ...payment, fields: [{ name: 'a', kind: 'Date' }] }, /kinds: Text, Number/],
    ['a list that is required and not declared', { ...payment, required: ['actions'] }, /required only what/],
    ['an own field that is required and not declared', { ...payment, required: ['amount'] }, /required only what/],
  ] as const) {
    it(`refuses ${sentence}`, () => {
      const [found = ''] = faults(type)
      expect(found).to.match(/^spec\.resourceServer\.authorizationDetails: /)
      expect(found).to.match(message)
    })
  }

  it('refuses a type that is there twice', () => {
    expect(faults(payment, payment)).to.deep.equal([
      'spec.resourceServer.authorizationDetails: must have each type once',
    ])
  })
})

describe('fieldsOfType', () => {
  it('is what a detail of the type can have: lists that are declared, and locations always', () => {
    const { resourceServer } = config({
      resourceServer: {
        identifier: 'urn:a',
        authorizationDetails: [{ ...payment, actions: ['a'], identifier: true, fields: [{ name: 'b', kind: 'Text' }] }],
      },
    })
    expect(fieldsOfType(resourceServer!.authorizationDetails[0]!)).to.deep.equal([
      'actions',
      'locations',
      'identifier',
      'b',
    ])
  })
})
