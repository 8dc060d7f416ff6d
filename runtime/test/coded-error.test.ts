import { expect } from 'chai'
import { CodedError, hasCode } from '../src/coded-error.ts'

describe('CodedError', () => {
  const faults = [
    { path: 'issuer', message: 'must be an https URL' },
    { path: 'database.url', message: 'is missing' },
  ]
  const cases: readonly [string, CodedError, string][] = [
    ['only its code', new CodedError('STORE_UNAVAILABLE'), 'STORE_UNAVAILABLE'],
    ['its own message', new CodedError('STORE_UNAVAILABLE', { message: 'no answer' }), 'STORE_UNAVAILABLE: no answer'],
    [
      'every fault with its path',
      new CodedError('SETTINGS_INVALID', { faults }),
      'SETTINGS_INVALID: issuer: must be an https URL; database.url: is missing',
    ],
  ]
  for (const [what, error, message] of cases) it(`says ${what}`, () => void expect(error.message).to.equal(message))

  it('keeps the cause', () => {
    const cause = new Error('ECONNREFUSED')
    expect(new CodedError('STORE_UNAVAILABLE', { cause }).cause).to.equal(cause)
  })
})

describe('hasCode', () => {
  it('is true for a coded error, or for one that has one of the given codes', () => {
    const error: unknown = new CodedError('STORE_UNAVAILABLE')
    expect(hasCode(error)).to.equal(true)
    expect(hasCode(error, 'SETTINGS_INVALID', 'STORE_UNAVAILABLE')).to.equal(true)
    expect(hasCode(error, 'SETTINGS_INVALID')).to.equal(false)
  })

  it('is false for anything else', () => {
    expect(hasCode(new Error('STORE_UNAVAILABLE'))).to.equal(false)
    expect(hasCode(undefined, 'STORE_UNAVAILABLE')).to.equal(false)
  })
})
