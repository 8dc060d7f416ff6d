import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { profileClaimNames, withProfileClaims } from '../../src/users/profile-claims.ts'

const good: Readonly<Record<string, readonly string[]>> = {
  website: ['https://example.com/ada', 'http://example.com'],
  birthdate: ['1990-05-31', '0000-02-29', '1990'],
  zoneinfo: ['Europe/Berlin', 'UTC'],
  phone_number: ['+4930123456', '+15551234567;ext=42'],
  phone_number_verified: ['true', 'false'],
}
const bad: Readonly<Record<string, readonly string[]>> = {
  website: ['example.com', 'javascript:alert(1)', 'data:text/html,x'],
  birthdate: ['1990-02-30', '31.5.1990', '90'],
  zoneinfo: ['Mars/Olympus', '+02:00'],
  phone_number: ['030 123456', '+0123', '+'],
  phone_number_verified: ['yes', '1'],
  given_name: ['line\nbreak', 'x'.repeat(1025)],
}

describe(withProfileClaims.name, () => {
  for (const [name, values] of Object.entries(good)) {
    for (const value of values) {
      it(`takes ${name}=${value}`, () => {
        const expected = name === 'phone_number_verified' ? value === 'true' : value
        expect(withProfileClaims({}, [`${name}=${value}`])).to.deep.equal({ [name]: expected })
      })
    }
  }
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      it(`refuses ${name}=${JSON.stringify(value).slice(0, 30)}`, () => {
        expect(() => withProfileClaims({}, [`${name}=${value}`]))
          .to.throw()
          .with.property('code', 'USAGE_INVALID')
      })
    }
  }

  it('keeps what is not named, and removes what has no value', () => {
    const before = { given_name: 'Ada', website: 'https://example.com', address: { country: 'DE', region: 'BE' } }
    expect(withProfileClaims(before, ['website=', 'address.region=', 'address.locality=Berlin'])).to.deep.equal({
      given_name: 'Ada',
      address: { country: 'DE', locality: 'Berlin' },
    })
    expect(withProfileClaims({ address: { country: 'DE' } }, ['address.country='])).to.deep.equal({})
  })

  it('keeps an equals sign that belongs to the value', () => {
    expect(withProfileClaims({}, ['website=https://example.com/?a=b'])).to.deep.equal({
      website: 'https://example.com/?a=b',
    })
  })

  it('removes nothing where a value is forgotten, and says which name is wrong', () => {
    const faultOf = (text: string) => {
      try {
        return withProfileClaims({}, [text])
      } catch (error) {
        return hasCode(error, 'USAGE_INVALID') && error.faults.map(({ path, message }) => `${path}: ${message}`).join()
      }
    }
    expect(faultOf('given_name')).to.include('--claim given_name: needs a value')
    expect(faultOf('=Ada')).to.include('--claim : is not among')
  })

  it('takes each name that it lists', () => {
    for (const name of profileClaimNames) expect(() => withProfileClaims({}, [`${name}=`])).to.not.throw()
  })

  for (const name of ['__proto__', 'constructor', 'toString', 'sub', 'email', 'groups', 'acr']) {
    it(`refuses ${name}, which is not a fact of this kind`, () => {
      expect(() => withProfileClaims({}, [`${name}=x`]))
        .to.throw()
        .with.property('code', 'USAGE_INVALID')
    })
  }
})
