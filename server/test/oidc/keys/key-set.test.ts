import { expect } from 'chai'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { buildKeySet, statesOf } from '../../../src/oidc/keys/key-set.ts'
import type { RingKey } from '../../../src/oidc/keys/key-set.ts'
import { isCut } from '../../../src/store/tokens/keys.ts'
import type { KeyPolicy } from '../../../src/oidc/keys/states.ts'

const day = 86_400_000
const policy: KeyPolicy = {
  publishBefore: 0,
  rotateEvery: 30 * day,
  retireFor: () => day,
  isLeftOut: (line) => line === 'sig:RS256',
}
const key = (use: string, more: object = {}) => ({
  id: use,
  use,
  alg: signingAlgorithms[0],
  publicJwk: undefined,
  createdAt: new Date(0),
  activeAt: new Date(0),
  retireAt: undefined,
  removeAt: undefined,
  encryptedBy: 'k1',
  ...more,
})
const stateOf = (one: ReturnType<typeof key>, now: number, places?: ReadonlyMap<string, number>) =>
  statesOf([one], now, policy, places).get(one.id)

describe('statesOf', () => {
  it('publishes a key whose algorithm was taken out of the settings until its time', () => {
    const leftOut = key('sig', { alg: 'RS256', removeAt: new Date(day) })
    expect(stateOf(leftOut, day - 1)).to.equal('retiring')
    expect(stateOf(leftOut, day)).to.equal('removed')
    expect(stateOf(key('sig', { alg: 'RS256' }), 100 * day)).to.equal('retiring')
  })

  it('signs with a key of the file that is here, and publishes one that is elsewhere until its time', () => {
    const inFile = key('file', { removeAt: new Date(day) })
    expect(stateOf(inFile, day, new Map([['file', 0]]))).to.equal('active')
    expect(stateOf(inFile, day - 1)).to.equal('retiring')
    expect(stateOf(inFile, day)).to.equal('removed')
    expect(stateOf(key('file'), 100 * day)).to.equal('retiring')
  })

  it('has the keys for cookies and for pairwise subjects in lines of their own', () => {
    const states = statesOf([key('cookie'), key('pairwise'), key('sig')], day, policy)
    expect(Object.fromEntries(states)).to.deep.equal({ cookie: 'active', pairwise: 'active', sig: 'active' })
  })

  it('has removed what was cut off, and a key of a file alone can be', () => {
    expect(stateOf(key('file', { retireAt: new Date(0) }), 0, new Map([['file', 0]]))).to.equal('removed')
    expect(isCut(key('sig', { retireAt: new Date(0) }))).to.equal(false)
    expect(isCut(key('file'))).to.equal(false)
  })
})

describe('buildKeySet', () => {
  it('makes nonces with the oldest key for cookies where the pairwise key is gone, also while a next one waits', () => {
    const cookie = (id: string, activeAt: number): RingKey => {
      const about = { id, line: 'cookie', use: 'cookie', algorithm: 'A256GCM', createdAt: 0, activeAt } as const
      return { ...about, secret: Buffer.alloc(32, id) }
    }
    const noncesOf = (...keys: RingKey[]) =>
      buildKeySet(keys, [], 2 * day, policy)
        .nonces()
        .export()
        .toString('hex')
    const [old, active, next] = [cookie('a', 0), cookie('b', 2 * day), cookie('c', 3 * day)]
    const before = noncesOf(old)
    for (const keys of [
      [old, next],
      [old, active],
      [old, active, next],
    ])
      expect(noncesOf(...keys)).to.equal(before)
    expect(noncesOf(active)).to.not.equal(before)
  })
})
