import { createHook } from 'node:async_hooks'
import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { hash as argon2Hash } from '@node-rs/argon2'
import { hash as bcryptHash } from '@node-rs/bcrypt'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { expect } from 'chai'
import fc from 'fast-check'
import { isHeavy, readHash, writeHash } from '../../../src/users/passwords/imported-hashes.ts'
import type { ReadHash } from '../../../src/users/passwords/imported-hashes.ts'
import { createPasswords } from '../../../src/users/passwords/passwords.ts'

const password = 'correct horse battery staple'
const salt = Buffer.from('0123456789abcdef')

const pbkdf2 = (digest: 'sha1' | 'sha256' | 'sha512', iterations: number, length: number, text = password) =>
  writeHash({ kind: 'pbkdf2', digest, iterations, salt, key: pbkdf2Sync(text, salt, iterations, length, digest) })
const scrypt = (logN: number, r: number, p: number) =>
  writeHash({
    kind: 'scrypt',
    logN,
    r,
    p,
    salt,
    key: scryptSync(password, salt, 32, { N: 2 ** logN, r, p, maxmem: 2 ** 28 }),
  })

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
    ['a billion iterations', `$pbkdf2-sha256$i=999999999$${'A'.repeat(22)}$${'A'.repeat(43)}`, 'too long'],
    ['no iteration', `$pbkdf2-sha256$i=0$${'A'.repeat(22)}$${'A'.repeat(43)}`, 'too long'],
    ['a key that everything matches', `$pbkdf2-sha256$i=1000$${'A'.repeat(22)}$a`, 'key of 0 bytes'],
    ['PBKDF2 with MD5', `$pbkdf2-md5$i=1000$${'A'.repeat(22)}$${'A'.repeat(43)}`, 'known form'],
    ['scrypt of a gigabyte', `$scrypt$ln=20,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`, '1024 MiB'],
    ['scrypt of little memory and many blocks', `$scrypt$ln=1,r=999,p=60$${'A'.repeat(22)}$${'A'.repeat(43)}`, 'p=60'],
    ['scrypt of costs of 0', `$scrypt$ln=10,r=0,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`, 'costs of 0'],
    ['argon2 of a gigabyte', `$argon2id$v=19$m=1048576,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`, '1024 MiB'],
    ['argon2 of many passes', `$argon2id$v=19$m=65536,t=99,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`, '99 passes'],
    ['a word', 'secret', 'known form'],
  ]
  for (const [sentence, text, reason] of absurd)
    it(`refuses ${sentence}`, () => {
      expect(readHash(text)).to.have.property('fault').that.includes(reason)
    })
})

it('PBKDF2 of one iteration is taken', () =>
  expect(readHash(`$pbkdf2-sha256$i=1$${'A'.repeat(22)}$${'A'.repeat(43)}`)).to.have.property('hash'))

describe('the costs of argon2', () => {
  for (const [memoryKib, lanes, isTaken] of [
    [8, 1, true],
    [7, 1, false],
    [8, 0, false],
    [128, 16, true],
    [127, 16, false],
    [136, 17, false],
  ] as const)
    it(`${lanes} lanes in ${memoryKib} KiB are ${isTaken ? 'taken' : 'refused'}: it wants 1 to 16, and 8 KiB for each`, () => {
      const read = readHash(`$argon2id$v=19$m=${memoryKib},t=1,p=${lanes}$${'A'.repeat(22)}$${'A'.repeat(43)}`)
      expect('hash' in read).to.equal(isTaken)
    })
})

describe('a hash that is taken', () => {
  const wide = createPasswords({ width: 2, waitMs: 60_000, longest: 1000 })
  const base64 = (min: number, max: number) =>
    fc.string({ unit: fc.constantFrom('A', 'w', '4', 'E', 'g', '/', '+', 'Q', 'z'), minLength: min, maxLength: max })
  /** With a zero before it too. */
  const cost = (max: number) =>
    fc.tuple(fc.constantFrom('', '', '', '0'), fc.integer({ min: 0, max })).map((part) => part.join(''))
  const saltAndKey = fc.tuple(base64(10, 88), base64(20, 88)).map(([first, second]) => `${first}$${second}`)
  const argon2s = fc
    .tuple(fc.constantFrom('id', 'i', 'd'), fc.constantFrom(16, 19), cost(512), cost(3), cost(4), saltAndKey)
    .map(([type, version, m, t, p, rest]) => `$argon2${type}$v=${version}$m=${m},t=${t},p=${p}$${rest}`)
  const scrypts = fc
    .tuple(cost(17), cost(8), cost(4), saltAndKey)
    .map(([ln, r, p, rest]) => `$scrypt$ln=${ln},r=${r},p=${p}$${rest}`)
  const pbkdf2s = fc
    .tuple(fc.constantFrom('sha1', 'sha256', 'sha512'), cost(20), saltAndKey)
    .map(([digest, iterations, rest]) => `$pbkdf2-${digest}$i=${iterations}$${rest}`)
  const bcrypts = fc
    .tuple(
      fc.constantFrom('a', 'b', 'y'),
      fc.string({ unit: fc.constantFrom('.', '/', 'A', 'z', '0', '9', 'e'), minLength: 53, maxLength: 53 }),
    )
    .map(([minor, rest]) => `$2${minor}$04$${rest}`)

  it('can be checked: what no library decodes is refused at the import', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(argon2s, argon2s, scrypts, pbkdf2s, bcrypts), async (text) => {
        if ('hash' in readHash(text)) expect((await wide.verify(text, 'a guess')).matches).to.equal(false)
      }),
      { numRuns: propertyRuns(150) },
    )
  })

  for (const [sentence, text] of [
    ['argon2 with half a byte of salt', `$argon2id$v=19$m=64,t=1,p=1$${'A'.repeat(13)}$${'A'.repeat(43)}`],
    ['argon2 with bits behind the last byte', `$argon2id$v=19$m=64,t=1,p=1$${'A'.repeat(21)}z$${'A'.repeat(43)}`],
    ['argon2 with a leading zero', `$argon2id$v=19$m=064,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
    ['scrypt whose N is too large for its r', `$scrypt$ln=16,r=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
  ] as const)
    it(`is none of ${sentence}`, () => {
      expect(readHash(text)).to.have.property('fault')
    })

  it('matches one password: nothing that is written behind it, and no text that only its beginning is of', async () => {
    const bytes = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 90 })
    const tails = fc.oneof(fc.constantFrom('\0', ' ', 'x'), fc.string({ minLength: 1, maxLength: 5 }))
    const makes = fc.constantFrom(
      (text: string) => bcryptHash(text, { cost: 4 }),
      async (text: string) => pbkdf2('sha256', 1, 32, text),
      async (text: string) =>
        writeHash({ kind: 'scrypt', logN: 1, r: 8, p: 1, salt, key: scryptSync(text, salt, 32, { N: 2, r: 8, p: 1 }) }),
    )
    const isAtTheEdge = fc.boolean()
    await fc.assert(
      fc.asyncProperty(makes, bytes, tails, isAtTheEdge, async (make, begin, tail, atTheEdge) => {
        // of the longest that bcrypt reads, each time it is drawn
        const typed = (atTheEdge ? 'a'.repeat(72) : begin).normalize('NFC')
        const other = `${typed}${tail}`.normalize('NFC')
        fc.pre(other !== typed)
        expect((await wide.verify(await make(typed), other)).matches).to.equal(false)
      }),
      { numRuns: propertyRuns(40) },
    )
  })
})

describe(isHeavy.name, () => {
  const own = { memoryCost: 19_456, timeCost: 2 }
  const mib = 2 ** 20

  it('of scrypt counts all that it computes and holds, whatever its costs', () => {
    const costs = fc.record({
      logN: fc.integer({ min: 0, max: 20 }),
      r: fc.oneof(fc.integer({ min: 0, max: 16 }), fc.integer({ min: 0, max: 999 })),
      p: fc.oneof(fc.integer({ min: 0, max: 16 }), fc.integer({ min: 0, max: 999 })),
    })
    fc.assert(
      fc.property(costs, ({ logN, r, p }) => {
        const read = readHash(`$scrypt$ln=${logN},r=${r},p=${p}$${'A'.repeat(22)}$${'A'.repeat(43)}`)
        if (!('hash' in read)) return
        // RFC 7914: PBKDF2 makes p blocks of 128 * r bytes, each is mixed with N others, and PBKDF2 reads them; a byte of PBKDF2 costs
        // as much as two that are mixed
        const [blocks, memory] = [128 * r * p, 128 * r * 2 ** logN]
        const work = memory * p + 4 * blocks
        expect(memory + blocks).to.be.at.most(128.2 * mib)
        expect(work).to.be.at.most(513 * mib)
        if (!isHeavy(read.hash, own)) expect(work).to.be.at.most(20 * mib)
      }),
      { numRuns: propertyRuns(500) },
    )
  })

  const key = `${'A'.repeat(22)}$${'A'.repeat(43)}`
  const cases: [string, boolean][] = [
    [`$2b$08$${'a'.repeat(53)}`, false],
    [`$2b$10$${'a'.repeat(53)}`, true],
    [`$pbkdf2-sha256$i=27500$${key}`, false],
    [`$pbkdf2-sha256$i=6000000$${key}`, true],
    [`$pbkdf2-sha1$i=27500$${'A'.repeat(22)}$${'A'.repeat(27)}`, false],
    [`$pbkdf2-sha1$i=27500$${'A'.repeat(22)}$${'A'.repeat(86)}`, true],
    [`$scrypt$ln=14,r=8,p=1$${key}`, false],
    [`$scrypt$ln=14,r=8,p=2$${key}`, true],
    [`$scrypt$ln=17,r=8,p=1$${key}`, true],
    [`$argon2id$v=19$m=19456,t=2,p=1$${key}`, false],
    [`$argon2id$v=19$m=7168,t=5,p=1$${key}`, false],
    [`$argon2id$v=19$m=19456,t=3,p=1$${key}`, true],
    [`$argon2id$v=19$m=131072,t=1,p=1$${key}`, true],
  ]
  for (const [text, expected] of cases)
    it(`says ${expected ? 'yes' : 'no'} of ${text.slice(0, 30)}`, () => {
      const read = readHash(text)
      expect('hash' in read && isHeavy(read.hash, own)).to.equal(expected)
    })
})

/** Runs the work. @returns how many derivations of scrypt and PBKDF2 there were, and how many at once, as Node counts them */
async function derivationsOf(work: () => Promise<unknown>): Promise<{ all: number; atOnce: number }> {
  const running = new Set<number>()
  let [all, atOnce] = [0, 0]
  const hook = createHook({
    init(id, type) {
      if (!/^(?:SCRYPT|PBKDF2)REQUEST$/.test(type)) return
      running.add(id)
      all++
      atOnce = Math.max(atOnce, running.size)
    },
    before: (id) => void running.delete(id),
  }).enable()
  try {
    await work()
  } finally {
    hook.disable()
  }
  return { all, atOnce }
}

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

  const wide = createPasswords({ width: 4, waitMs: 20_000, longest: 100 })
  const wrong = (hash: string, typed = 'wrong password') =>
    derivationsOf(() => Promise.all(Array.from({ length: 8 }, () => wide.verify(hash, typed))))

  for (const [what, make] of [
    ['scrypt', () => scrypt(15, 8, 1)],
    ['PBKDF2', () => pbkdf2('sha256', 100_000, 32)],
  ] as const)
    it(`E10 8 wrong sign-ins at once with a heavy hash check one at a time: ${what}`, async () => {
      expect(await wrong(make())).to.deep.equal({ all: 8, atOnce: 1 })
      expect(wide.queue()).to.deep.equal({ waiting: 0, running: 0 })
    })

  it('E10 both kinds of heavy hashes share one lane', async () => {
    const hashes = [scrypt(15, 8, 1), pbkdf2('sha256', 100_000, 32)]
    const both = () => Promise.all([...hashes, ...hashes].map((hash) => wide.verify(hash, 'wrong password')))
    expect(await derivationsOf(both)).to.deep.equal({ all: 4, atOnce: 1 })
  })

  it('are checked next to each other where they take no more than ours', async () => {
    expect(await wrong(pbkdf2('sha256', 30_000, 32))).to.deep.equal({ all: 8, atOnce: 4 })
  })

  it('are checked once more as typed, unless that is heavy', async () => {
    const decomposed = 'Schlu\u0308sselbund an der Wand'
    expect((await wrong(pbkdf2('sha256', 1000, 32), decomposed)).all).to.equal(16)
    expect((await wrong(pbkdf2('sha256', 100_000, 32), decomposed)).all).to.equal(8)
  })

  it('match where they are as heavy as is accepted, and others wait for them', async () => {
    const hash = scrypt(17, 8, 1)
    const all = await Promise.all([wide.verify(hash, 'no'), wide.verify(hash, password)])
    expect(all.map(({ matches }) => matches)).to.deep.equal([false, true])
  })
})
