import { expect } from 'chai'
import fc from 'fast-check'
import { createSealer } from '../../../src/oidc/artefacts/sealed.ts'
import { cookieKeys } from '../test-keys.ts'

describe('createSealer', () => {
  const keys = cookieKeys('00000001')
  const sealer = createSealer({ keys: () => keys, epoch: () => 1 })

  it('opens what it has sealed, whatever the content', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((name) => name !== '__proto__'),
          fc.jsonValue(),
        ),
        (payload) => {
          const opened = sealer.unseal('AuthorizationCode', sealer.seal('AuthorizationCode', payload))
          expect(opened).to.deep.equal(JSON.parse(JSON.stringify(payload)))
        },
      ),
    )
  })

  it('opens no other text, and never throws', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        (text) => sealer.unseal('AccessToken', text) === undefined,
      ),
    )
    fc.assert(
      fc.property(
        fc.base64String({ maxLength: 300 }),
        (text) => sealer.unseal('AccessToken', `nr_00000001_${text}`) === undefined,
      ),
    )
  })

  it('T3 opens no value that was changed in any one character, cut or lengthened', () => {
    const value = sealer.seal('AccessToken', { a: 1 })
    for (let at = 0; at < value.length; at++) {
      const other = value[at] === 'x' ? 'y' : 'x'
      expect(sealer.unseal('AccessToken', value.slice(0, at) + other + value.slice(at + 1)), `at ${at}`).to.equal(
        undefined,
      )
    }
    for (const bad of [value.slice(0, -1), `${value}A`, `${value}=`, `${value}\n`, ` ${value}`]) {
      expect(sealer.unseal('AccessToken', bad)).to.equal(undefined)
    }
  })

  it('T3 opens no value as another kind, from another key, or from before a restore', () => {
    const value = sealer.seal('AuthorizationCode', { a: 1 })
    expect(sealer.unseal('RefreshToken', value)).to.equal(undefined)
    expect(
      createSealer({ keys: () => cookieKeys('00000002'), epoch: () => 1 }).unseal('AuthorizationCode', value),
    ).to.equal(undefined)
    expect(createSealer({ keys: () => keys, epoch: () => 2 }).unseal('AuthorizationCode', value)).to.equal(undefined)
  })

  it('T3 opens a value that it has opened before only while its key and its epoch count', () => {
    let [now, epoch] = [keys, 1]
    const one = createSealer({ keys: () => now, epoch: () => epoch })
    const value = one.seal('AccessToken', { a: { b: 1 } })
    const first = one.unseal('AccessToken', value)!
    Object.assign(first['a'] as object, { b: 2 })
    expect(one.unseal('AccessToken', value)).to.deep.equal({ a: { b: 1 } })
    expect(one.unseal('GrantReference', value)).to.equal(undefined)
    epoch = 2
    expect(one.unseal('AccessToken', value)).to.equal(undefined)
    epoch = 1
    now = cookieKeys('00000002')
    expect(one.unseal('AccessToken', value)).to.equal(undefined)
    now = keys
    expect(one.unseal('AccessToken', value)).to.deep.equal({ a: { b: 1 } })
  })

  it('gives the same string for the same content and instant, on every replica and after a key rotation', () => {
    const later = createSealer({ keys: () => cookieKeys('00000001', '00000002'), epoch: () => 1 })
    const value = sealer.seal('RefreshToken', { seq: 2 }, { madeAt: 0 })
    expect(later.seal('RefreshToken', { seq: 2 }, { madeAt: 0 })).to.equal(value)
    expect(sealer.seal('RefreshToken', { seq: 3 }, { madeAt: 0 })).to.not.equal(value)
    expect(sealer.seal('RefreshToken', { seq: 2 })).to.not.equal(sealer.seal('RefreshToken', { seq: 2 }))
  })

  it('L19 opens values of a retiring key, and seals new values with the current key', () => {
    const later = createSealer({ keys: () => cookieKeys('00000001', '00000002'), epoch: () => 1 })
    expect(later.unseal('AccessToken', sealer.seal('AccessToken', { a: 1 }))).to.deep.equal({ a: 1 })
    expect(later.seal('AccessToken', {})).to.match(/^nr_00000002_/)
  })
})
