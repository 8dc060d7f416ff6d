import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { hash as argon2Hash } from '@node-rs/argon2'
import { hash as bcryptHash } from '@node-rs/bcrypt'
import { expect } from 'chai'
import fc from 'fast-check'
import { readHash, writeHash } from '../../src/users/imported-hashes.ts'
import type { ReadHash } from '../../src/users/imported-hashes.ts'
import { createPasswords } from '../../src/users/passwords.ts'

const password = 'correct horse battery staple'
const salt = Buffer.from('0123456789abcdef')

const pbkdf2 = (digest: 'sha1' | 'sha256' | 'sha512', iterations: number, length: number, text = password) =>
  writeHash({ kind: 'pbkdf2', digest, iterations, salt, key: pbkdf2Sync(text, salt, iterations, length, digest) })
const scrypt = (logN: number, r: number, p: number) =>
  writeHash({ kind: 'scrypt', logN, r, p, salt, key: scryptSync(password, salt, 32, { N: 2 ** logN, r, p }) })

const wordsOf = (read: ReadHash): string => {
  const hex = (_: string, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)
  return JSON.stringify(
    'hash' in read ? Object.entries(read.hash).toSorted(([a], [b]) => a.localeCompare(b)) : read,
    hex,
  )
}

describe(readHash.name, () => {
  const bytes = (minLength: number, maxLength: number) =>
    fc.uint8Array({ minLength, maxLength }).map((each) => Buffer.from(each))
  const derived = { salt: bytes(1, 64), key: bytes(16, 64) }

  it('reads what writeHash writes', () => {
    const hashes = fc.oneof(
      fc.record({
        kind: fc.constant('pbkdf2' as const),
        digest: fc.constantFrom('sha1' as const, 'sha256' as const, 'sha512' as const),
        iterations: fc.integer({ min: 1, max: 1_000_000 }),
        ...derived,
      }),
      fc.record({
        kind: fc.constant('scrypt' as const),
        logN: fc.integer({ min: 1, max: 15 }),
        r: fc.integer({ min: 1, max: 8 }),
        p: fc.integer({ min: 1, max: 4 }),
        ...derived,
      }),
    )
    fc.assert(
      fc.property(hashes, (hash) => {
        expect(wordsOf(readHash(writeHash(hash)))).to.equal(wordsOf({ hash }))
      }),
    )
  })

  it('never throws, and never repeats the text that it refuses', () => {
    const texts = fc.tuple(
      fc.constantFrom('$2b$', '$pbkdf2-sha256$i=', '$scrypt$ln=', '$argon2id$v=19$m=', ''),
      fc.string({ minLength: 30, maxLength: 90 }),
    )
    fc.assert(
      fc.property(texts, ([start, rest]) => {
        const read = readHash(start + rest)
        if ('fault' in read) expect(read.fault).to.not.include(rest)
      }),
    )
  })

  const absurd: [string, string, string][] = [
    ['bcrypt of cost 31', `$2b$31$${'a'.repeat(53)}`, 'cost 31'],
    ['bcrypt of cost 3', `$2b$03$${'a'.repeat(53)}`, 'cost 3'],
    ['bcrypt whose algorithm was broken', `$2x$10$${'a'.repeat(53)}`, 'known form'],
    ['a billion iterations', `$pbkdf2-sha256$i=999999999$${'a'.repeat(22)}$${'a'.repeat(43)}`, 'too long'],
    ['no iteration', `$pbkdf2-sha256$i=0$${'a'.repeat(22)}$${'a'.repeat(43)}`, 'too long'],
    ['a key that everything matches', `$pbkdf2-sha256$i=1000$${'a'.repeat(22)}$a`, 'key of 0 bytes'],
    ['PBKDF2 with MD5', `$pbkdf2-md5$i=1000$${'a'.repeat(22)}$${'a'.repeat(43)}`, 'known form'],
    ['scrypt of a gigabyte', `$scrypt$ln=20,r=8,p=1$${'a'.repeat(22)}$${'a'.repeat(43)}`, '1024 MiB'],
    ['scrypt of costs of 0', `$scrypt$ln=10,r=0,p=1$${'a'.repeat(22)}$${'a'.repeat(43)}`, 'costs of 0'],
    ['argon2 of a gigabyte', `$argon2id$v=19$m=1048576,t=1,p=1$${'a'.repeat(22)}$${'a'.repeat(43)}`, '1024 MiB'],
    ['argon2 of many passes', `$argon2id$v=19$m=65536,t=99,p=1$${'a'.repeat(22)}$${'a'.repeat(43)}`, '99 passes'],
    ['a word', 'secret', 'known form'],
  ]
  for (const [sentence, text, reason] of absurd)
    it(`refuses ${sentence}`, () => {
      expect(readHash(text)).to.have.property('fault').that.includes(reason)
    })
})

describe('passwords with an imported hash', () => {
  const passwords = createPasswords({ width: 2, waitMs: 60_000, longest: 100 })
  const kinds: [string, () => Promise<string> | string][] = [
    ['bcrypt $2b$', () => bcryptHash(password, { cost: 4 })],
    ['bcrypt $2a$', async () => (await bcryptHash(password, { cost: 4 })).replace('$2b$', '$2a$')],
    ['bcrypt $2y$', async () => (await bcryptHash(password, { cost: 4 })).replace('$2b$', '$2y$')],
    ['PBKDF2-SHA1', () => pbkdf2('sha1', 1000, 20)],
    ['PBKDF2-SHA256', () => pbkdf2('sha256', 1000, 64)],
    ['PBKDF2-SHA512', () => pbkdf2('sha512', 1000, 64)],
    ['scrypt', () => scrypt(10, 8, 2)],
    ['argon2i', () => argon2Hash(password, { algorithm: 1, memoryCost: 1024, timeCost: 1, parallelism: 1 })],
    [
      'argon2id of another cost',
      () => argon2Hash(password, { algorithm: 2, memoryCost: 7168, timeCost: 5, parallelism: 1 }),
    ],
  ]
  for (const [kind, make] of kinds)
    it(`match, and are outdated: ${kind}`, async () => {
      const hash = await make()
      expect(await passwords.verify(hash, password)).to.deep.equal({ matches: true, outdated: true })
      for (const wrong of [`${password} `, '', hash])
        expect(await passwords.verify(hash, wrong)).to.deep.equal({ matches: false, outdated: false })
    })

  it('match when the other program hashed what its keyboard sent', async () => {
    const decomposed = 'Schlu\u0308sselbund an der Wand'
    const hash = pbkdf2('sha256', 1000, 32, decomposed)
    expect((await passwords.verify(hash, decomposed)).matches).to.equal(true)
  })
})
