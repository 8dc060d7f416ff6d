import { expect } from 'chai'
import { parseKeyFile } from '../../../src/oidc/keys/parse-key-file.ts'
import { privateKey, setOf } from './key-pairs.ts'

const all = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
const good = all.map((alg) => privateKey(alg, `key-of-${alg}`))
const [es256, rs256] = good as [Record<string, unknown>, Record<string, unknown>]

const faultsOf = async (text: string, algorithms: readonly ('ES256' | 'RS256')[] = ['ES256']) => {
  const parsed = await parseKeyFile(text, algorithms)
  return 'faults' in parsed ? parsed.faults : []
}

describe('parseKeyFile', () => {
  it('takes private keys of each algorithm in their order, and nothing of them but the key', async () => {
    const parsed = await parseKeyFile(
      setOf(...good.map((key) => ({ ...key, use: 'sig', comment: 'from the vault' }))),
      all,
    )
    if ('faults' in parsed) return expect.fail(parsed.faults.join('; '))
    expect(parsed.keys.map(({ kid, alg }) => [kid, alg])).to.deep.equal(all.map((alg) => [`key-of-${alg}`, alg]))
    expect(parsed.keys.filter((key) => 'comment' in key)).to.deep.equal([])
  })

  it('names a key without a kid by its thumbprint (RFC 7638)', async () => {
    const parsed = await parseKeyFile(setOf({ ...es256, kid: undefined }), ['ES256'])
    expect('keys' in parsed && parsed.keys[0]!.kid).to.match(/^[\w-]{43}$/)
  })

  const { d: _d, ...open } = es256
  for (const [sentence, text, fault] of [
    ['what is not JSON', '{', 'is not JSON'],
    ['a single key', JSON.stringify(es256), 'must be a JWK set'],
    ['no list', '{"keys":{}}', 'must be a JWK set'],
    ['an empty set', setOf(), 'has no key with alg ES256; add one, or take ES256 out of signing.algorithms'],
    ['a public key', setOf(open), 'keys[0] must be a private key; it has no d'],
    ['a key without alg', setOf({ ...es256, alg: undefined }), 'keys[0] must have alg, one of ES256'],
    ['a shared secret', setOf(es256, { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }), 'keys[1] must have alg'],
    [
      'an algorithm that the key cannot do',
      setOf({ ...rs256, alg: 'ES256' }),
      'keys[0] must be of kty EC and crv P-256 for ES256',
    ],
    ['a key for encryption', setOf({ ...es256, use: 'enc' }), 'keys[0] must have use sig, or none'],
    [
      'members of two keys',
      setOf({ ...es256, d: privateKey('ES256')['d'] }),
      'keys[0] has a private part that does not belong to its public one',
    ],
    ['members that are no key', setOf({ ...es256, x: 'AAAA' }), 'keys[0] is no valid key'],
    [
      'one kid for two keys',
      setOf(es256, { ...privateKey('ES256'), kid: 'key-of-ES256' }),
      'has the kid key-of-ES256 twice',
    ],
    ['an empty kid', setOf({ ...es256, kid: '' }), 'keys[0] must have a kid of 1 to 128 characters, or none'],
    ['33 keys', setOf(...Array.from({ length: 33 }, () => es256)), 'has 33 keys; at most 32 are taken'],
  ] as const) {
    it(`refuses ${sentence}, and says so`, async () => {
      const faults = await faultsOf(text)
      expect(faults.join('\n')).to.contain(fault)
      expect(faults.join('\n')).to.not.contain(String(es256['d']))
    })
  }

  it('refuses RSA members that do not belong together', async () => {
    const other = privateKey('RS256')
    expect(await faultsOf(setOf({ ...rs256, n: other['n'] }), ['RS256'])).to.have.length(1)
  })

  it('names every fault, not the first one', async () => {
    expect(await faultsOf(setOf(open, { ...rs256, alg: 'none' }), ['ES256', 'RS256'])).to.have.length(3)
  })
})
