import { hash as argon2Hash } from '@node-rs/argon2'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import fc from 'fast-check'
import { isCommonPassword } from '../../../src/users/passwords/common-passwords.ts'
import { createPasswords, passwordLength } from '../../../src/users/passwords/passwords.ts'
import { measureOwnWork } from '../../own-work.ts'
import { processorTime } from '../../paired-times.ts'

const good = 'correct horse battery staple'

describe(createPasswords.name, () => {
  const passwords = createPasswords()

  it('verifies what it hashed, and nothing else', async () => {
    const hash = await passwords.hash(good)
    expect(hash).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await passwords.verify(hash, good)).to.deep.equal({ matches: true, outdated: false })
    for (const wrong of [`${good} `, good.toUpperCase(), '', hash]) {
      expect((await passwords.verify(hash, wrong)).matches, wrong).to.equal(false)
    }
    expect(await passwords.hash(good), 'salted').to.not.equal(hash)
  })

  it('accepts a password that another keyboard writes with other code points', async () => {
    const hash = await passwords.hash('Schl\u00fcsselbund an der Wand')
    expect((await passwords.verify(hash, 'Schlu\u0308sselbund an der Wand')).matches).to.equal(true)
  })

  it('matches nothing without a hash, or with a hash of another kind', async () => {
    for (const hash of [undefined, '', '$2b$10$abcdefghijklmnopqrstuv', 'plain']) {
      expect(await passwords.verify(hash, good)).to.deep.equal({ matches: false, outdated: false })
    }
    const tooLong = 'x'.repeat(passwordLength.max * 4 + 1)
    expect(await passwords.verify(undefined, tooLong)).to.deep.equal({ matches: false, outdated: false })
  })

  it('compares what may be a password in other code points, and nothing longer', async () => {
    const longest = 'x'.repeat(passwordLength.max * 4)
    expect((await passwords.verify(await passwords.hash(longest), longest)).matches).to.equal(true)
    const longer = `${longest}x`
    expect((await passwords.verify(await passwords.hash(longer), longer)).matches).to.equal(false)
  })

  it('says that a hash is outdated when its cost is not the current one', async () => {
    const cheap = await argon2Hash(good, { algorithm: 2, memoryCost: 8192, timeCost: 2, parallelism: 1 })
    expect(await passwords.verify(cheap, good)).to.deep.equal({ matches: true, outdated: true })
    expect(await passwords.verify(cheap, 'wrong password')).to.deep.equal({ matches: false, outdated: false })
  })

  it('E10 F25 refuses passwords that it cannot hash in time, and keeps the event loop free', async () => {
    const small = createPasswords({ width: 1, waitMs: 200, longest: 5 })
    await small.verify(undefined, good)
    const work = measureOwnWork()
    const all = await Promise.allSettled(Array.from({ length: 200 }, () => small.verify(undefined, good)))
    const ownP99 = work.stop()
    const refused = all.filter((one) => one.status === 'rejected')
    expect(refused.every((one) => hasCode(one.reason, 'PASSWORD_QUEUE_FULL'))).to.equal(true)
    expect(refused.length).to.be.at.least(194)
    expect(ownP99, 'ms').to.be.below(100)
    expect(small.queue()).to.deep.equal({ waiting: 0, running: 0 })
    expect((await small.verify(undefined, good)).matches, 'it goes on').to.equal(false)
  })

  it('refuses after the wait is over', async () => {
    const slow = createPasswords({ width: 1, waitMs: 1, longest: 100 })
    const all = await Promise.allSettled(Array.from({ length: 30 }, () => slow.hash(good)))
    expect(all.filter((one) => one.status === 'rejected').length).to.be.greaterThan(10)
    expect(slow.queue()).to.deep.equal({ waiting: 0, running: 0 })
  })

  it('E10 does no work for a password of 1 MB', async () => {
    const began = performance.now()
    expect((await passwords.verify(await passwords.hash(good), 'x'.repeat(1_000_000))).matches).to.equal(false)
    expect(performance.now() - began).to.be.below(2000)
  })

  const refusals: [string, string, { username?: string; email?: string }, string[]][] = [
    ['a good one', good, { username: 'ada' }, []],
    ['12 characters', 'zebra-lamp-9', {}, []],
    ['11 characters', 'zebra-lamp9', {}, ['too-short']],
    ['characters, not bytes, count', 'ü'.repeat(3) + 'zebra-l', {}, ['too-short']],
    ['128 characters', `${'zebra lamp '.repeat(11)}abcdefg`, {}, []],
    ['129 characters', `${'zebra lamp '.repeat(11)}abcdefgh`, {}, ['too-long']],
    ['1 MB', 'x'.repeat(1_000_000), {}, ['too-long']],
    ['a listed one', 'Q1W2E3R4T5Y6', {}, ['common']],
    ['a word and a year', 'Password2026!', {}, ['common']],
    ['the product and digits', 'nauthera12345', {}, ['common']],
    ['a word that ends in a digit, and a year', 'TrustNo1-2026', {}, ['common']],
    ['few characters over and over', 'abcabcabcabc', {}, ['common']],
    ['four different characters', 'abdcacdbbadc', {}, ['common']],
    ['five different characters', 'abdcacdbbade', {}, []],
    ['eight characters twice', 'lampzebrlampzebr', {}, ['common']],
    ['nine characters twice', 'lampzebralampzebra', {}, []],
    ['the user name and a year', 'adalovelace26', { username: 'AdaLovelace' }, ['contains-name']],
    ['the user name and five more', 'adalovelace-zebr', { username: 'adalovelace' }, ['contains-name']],
    ['the user name and six more', 'adalovelace-zebra', { username: 'adalovelace' }, []],
    ['a user name of four', 'ada4-zebr', { username: 'ada4' }, ['too-short', 'contains-name']],
    ['a user name of three', 'ada-zebr', { username: 'ada' }, ['too-short']],
    ['the e-mail address', 'ada@example.test', { email: 'ada@example.test' }, ['contains-name']],
    ['the name within a long one', 'adalovelace walks over the bridge', { username: 'adalovelace' }, []],
    ['empty', '', {}, ['too-short', 'common']],
  ]
  for (const [sentence, password, about, expected] of refusals) {
    it(`checks a new password: ${sentence}`, () => {
      expect(passwords.checkNew(password, about).map(({ code }) => code)).to.deep.equal(expected)
    })
  }

  it('never repeats the password in a fault', () => {
    for (const fault of passwords.checkNew('Q1W2E3R4T5Y6', {})) expect(fault.message).to.not.include('Q1W2')
  })
})

describe(isCommonPassword.name, () => {
  it('accepts random passwords', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
    const random = fc.string({ unit: fc.constantFrom(...Array.from(letters)), minLength: 20, maxLength: 40 })
    fc.assert(fc.property(random, (text) => new Set(text.toLowerCase()).size < 8 || !isCommonPassword(text)))
  })

  it('E3 needs little time for the longest password', () => {
    const began = processorTime()
    for (const text of ['a'.repeat(128), 'ab'.repeat(64), '1'.repeat(127) + 'x', '!'.repeat(128)])
      isCommonPassword(text)
    expect(processorTime() - began).to.be.below(200)
    expect(passwordLength.max).to.equal(128)
  })
})
