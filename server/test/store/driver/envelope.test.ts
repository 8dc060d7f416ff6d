import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import fc from 'fast-check'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createKeyRing, loadKeyRing } from '../../../src/store/driver/envelope.ts'

const errorOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (hasCode(error)) return error
    throw error
  }
  return undefined
}

const [old, current] = [randomBytes(32), randomBytes(32)]
const ring = createKeyRing(
  new Map([
    ['2026a', old],
    ['2026b', current],
  ]),
  '2026b',
)

describe(createKeyRing.name, () => {
  it('opens what it encrypted, for the same binding only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), fc.string(), (plain, binding, other) => {
        const { box, keyId } = ring.encrypt(plain, binding)
        expect(Buffer.from(plain).equals(ring.decrypt(box, keyId, binding))).to.equal(true)
        if (other !== binding)
          expect(errorOf(() => ring.decrypt(box, keyId, other))?.code).to.equal('SEALED_ROW_DAMAGED')
      }),
    )
  })

  it('T3 refuses a box with any bit flipped, cut or padded', () => {
    const { box, keyId } = ring.encrypt(Buffer.from('secret'), 'row')
    for (let bit = 0; bit < box.length * 8; bit++) {
      const damaged = Buffer.from(box)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(errorOf(() => ring.decrypt(damaged, keyId, 'row'))?.code).to.equal('SEALED_ROW_DAMAGED')
    }
    for (let length = 0; length < box.length; length++) {
      expect(errorOf(() => ring.decrypt(box.subarray(0, length), keyId, 'row'))?.code).to.equal('SEALED_ROW_DAMAGED')
    }
    const padded = Buffer.concat([box, Buffer.of(0)])
    expect(errorOf(() => ring.decrypt(padded, keyId, 'row'))?.code).to.equal('SEALED_ROW_DAMAGED')
  })

  it('encrypts with the current key and opens with every key of the ring', () => {
    const before = createKeyRing(new Map([['2026a', old]]), '2026a')
    const { box, keyId } = before.encrypt(Buffer.from('x'), 'row')
    expect(keyId).to.equal('2026a')
    expect(ring.decrypt(box, keyId, 'row').toString()).to.equal('x')
    expect(ring.encrypt(Buffer.from('x'), 'row').keyId).to.equal('2026b')
  })

  it('F42 names the key that is missing', () => {
    const { box, keyId } = ring.encrypt(Buffer.from('x'), 'row')
    const without = createKeyRing(new Map([['2026a', old]]), '2026a')
    const error = errorOf(() => without.decrypt(box, keyId, 'row'))
    expect(error?.code).to.equal('KEY_RING_LACKS_KEY')
    expect(error?.message).to.include('2026b')
  })

  it('derives a key of its own for each purpose and each key, the same on every replica', () => {
    const twin = createKeyRing(
      new Map([
        ['2026a', old],
        ['2026b', current],
      ]),
      '2026b',
    )
    expect(ring.derive('form').current.equals(twin.derive('form').current)).to.equal(true)
    const derived = [
      ring.derive('form').current,
      ring.derive('cache').current,
      ring.derive('form').all.get('2026a')!,
    ].map((key) => key.export())
    expect(new Set([...derived, current].map((key) => key.toString('hex'))).size).to.equal(4)
  })
})

describe(loadKeyRing.name, () => {
  let directory: string
  beforeEach(() => {
    directory = temporaryDirectory('ring')
  })
  const write = (files: Record<string, Buffer | string>) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
  }

  it('reads a mounted ring, and ignores the links of the mount', () => {
    write({ '2026a': old, '2026b': current, current: '2026b\n', '..data': 'a link in a pod' })
    const loaded = loadKeyRing(directory)
    expect(loaded.ids).to.deep.equal(['2026a', '2026b'])
    expect(loaded.currentId).to.equal('2026b')
  })

  const bad: [string, Record<string, Buffer | string>, string[]][] = [
    ['nothing is there', {}, ['current is missing']],
    ['current names a key that is not there', { a: old, current: 'b' }, ['names b, but there is no such file']],
    [
      'a key has another length',
      { a: randomBytes(31), current: 'a' },
      ['must have exactly 32 bytes; it has 31', 'names a'],
    ],
    ['a key was written as text', { a: old.toString('base64'), current: 'a' }, ['it has 44', 'names a']],
  ]
  for (const [sentence, files, expected] of bad) {
    it(`lists every fault when ${sentence}`, () => {
      write(files)
      const error = errorOf(() => loadKeyRing(directory))
      expect(error?.code).to.equal('KEY_RING_INVALID')
      const faults = error!.faults
        .map(({ path, message }) => `${path.replace(`${directory}/`, '')} ${message}`)
        .join('\n')
      for (const text of expected) expect(faults).to.include(text)
      expect(error!.faults).to.have.length(expected.length)
    })
  }

  it('says so when the directory is not mounted', () => {
    expect(errorOf(() => loadKeyRing(join(directory, 'absent')))?.faults[0]?.message).to.include('mount the Secret')
  })

  it('I6 never has a byte of a key in a message', () => {
    write({ a: 'canary-canary', current: 'a' })
    expect(errorOf(() => loadKeyRing(directory))?.message).to.not.include('canary-canary')
  })
})
