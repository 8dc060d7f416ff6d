import { createHash, generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { keyIdOf } from '@nauthera/rules/jwks'
import { nextClusterKeys, publishedKeys } from '../../src/decide/status/cluster-keys.ts'
import type { PublishedKeys } from '../../src/decide/status/cluster-keys.ts'
import type { Jwk } from '../../src/decide/status/platform-keys.ts'

const issuer = 'https://kubernetes.default.svc.cluster.local'
const now = 1_000_000
const newKey = (kid: string): Jwk => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
})
const [a, b, c] = [newKey('a'), newKey('b'), newKey('c')]
const publishes = (...keys: readonly Jwk[]): PublishedKeys => ({ kind: 'published', issuer, keys })
const cluster = (name: string, createdAt: number, published: PublishedKeys, keyIds: readonly string[] = []) => ({
  name,
  createdAt,
  uid: name,
  published,
  keyIds,
})
const setOf = (...keys: readonly Jwk[]) => ({ issuer, keys: keys.map((jwk) => ({ jwk })) })
const nobody = { own: setOf(c), joined: new Map() }

describe('nextClusterKeys', () => {
  it('tells the keys of each cluster under its name, though their issuers are called alike', () => {
    const next = nextClusterKeys(nobody, [cluster('berlin', 1, publishes(a)), cluster('madrid', 2, publishes(b))], now)
    expect([...next.joined]).to.deep.equal([
      ['berlin', setOf(a)],
      ['madrid', setOf(b)],
    ])
    expect([...next.faults]).to.deep.equal([])
  })

  it('keeps a dropped key for ten minutes, what cannot be read as it is, and nothing of who is not believed any more', () => {
    const told = { own: setOf(c), joined: new Map([['berlin', setOf(a)]]) }
    const at = (published: PublishedKeys) => nextClusterKeys(told, [cluster('berlin', 1, published)], now)
    const ending = { issuer, keys: [{ jwk: a, notAfter: now + 600_000 }] }
    expect(at(publishes(b)).joined.get('berlin')?.keys).to.deep.equal([{ jwk: b }, ...ending.keys])
    const unusable = at({ kind: 'unusable', why: 'it publishes none' })
    expect([unusable.joined.get('berlin'), unusable.faults.get('berlin')]).to.deep.equal([ending, 'it publishes none'])
    expect(at({ kind: 'unread', why: 'no answer' }).joined.get('berlin')).to.deep.equal(setOf(a))
    expect([...nextClusterKeys(told, [], now).joined]).to.deep.equal([])
  })

  it('T33 refuses the keys of the hub, and leaves the cluster those of its own', () => {
    const next = nextClusterKeys(nobody, [cluster('berlin', 1, publishes(a, { ...c, kid: 'renamed' }))], now)
    expect(next.joined.get('berlin')).to.deep.equal(setOf(a))
    expect(next.faults.get('berlin')).to.include('that of this cluster')
  })

  it('T33 leaves an equal key with who had it first, also when an older cluster claims it', () => {
    const told = { own: undefined, joined: new Map([['madrid', setOf(b)]]) }
    const claimed = [cluster('berlin', 1, publishes(a, b)), cluster('madrid', 2, publishes(b))]
    const next = nextClusterKeys(told, claimed, now)
    expect([next.joined.get('berlin'), next.joined.get('madrid')]).to.deep.equal([setOf(a), setOf(b)])
    expect(next.faults.get('berlin')).to.include('cluster madrid')
    expect(next.faults.has('madrid')).to.equal(false)
  })

  it('T33 of two that come at once with an equal key the older has it', () => {
    const next = nextClusterKeys(nobody, [cluster('madrid', 2, publishes(a)), cluster('berlin', 1, publishes(a))], now)
    expect([...next.joined.keys()]).to.deep.equal(['berlin'])
    expect(next.faults.get('madrid')).to.include('cluster berlin')
  })
})

describe('T70 keys that a hostile cluster publishes', () => {
  const keysOf = (set: PublishedKeys) => (set.kind === 'published' ? set.keys : [])
  const read = (jwks: string) => publishedKeys({ data: { issuer, jwks } })

  it('bring nothing along that is as deep as it likes', () => {
    const deep = `"more":${'['.repeat(7_000)}${']'.repeat(7_000)}`
    expect(keysOf(read(`{"keys":[{${JSON.stringify(a).slice(1, -1)},${deep}}]}`))).to.deep.equal([a])
  })

  it('leave room for those of others, though they are other ones at each look', () => {
    const odd = (kid: string) => ({ ...newKey(kid), kid: kid.padEnd(1_700, '-') })
    let told: ReturnType<typeof nextClusterKeys>['joined'] = new Map()
    for (let look = 0; look < 30; look++) {
      const jwks = JSON.stringify({ keys: Array.from({ length: 8 }, (_, at) => odd(`${look}-${at}`)) })
      const clusters = [cluster('evil', 1, read(jwks)), cluster('madrid', 2, publishes(b))]
      told = nextClusterKeys({ own: setOf(c), joined: told }, clusters, now + look * 10_000).joined
      expect(
        told
          .get('evil')
          ?.keys.slice(0, 8)
          .map(({ jwk }) => jwk),
      ).to.deep.equal(keysOf(read(jwks)))
      expect(told.get('madrid')).to.deep.equal(setOf(b))
    }
    const kept = told.get('evil')!.keys.map(({ jwk }) => String(jwk['kid']).split('-')[0])
    expect(new Set(kept), 'the youngest').to.deep.equal(new Set(['29', '28']))
    expect(JSON.stringify(told.get('evil')).length).to.be.lessThan(40_000)
  })
})

describe('keys that an administrator lists', () => {
  const isOf = (told: ReturnType<typeof nextClusterKeys>, name: string) => told.joined.get(name)?.keys[0]?.jwk
  const byEvil = { own: setOf(c), joined: new Map([['evil', setOf(a)]]) }

  it('T33 names the id of a key that another cluster published first, and what to do with it', () => {
    const next = nextClusterKeys(byEvil, [cluster('evil', 1, publishes(a)), cluster('madrid', 2, publishes(a))], now)
    expect(next.faults.get('madrid')).to.include(`if cluster evil published a key of this one, list ${keyIdOf(a)}`)
  })

  it('T33 takes a listed key at once from who published it first, and gives it to the cluster that lists it', () => {
    const claimed = [cluster('evil', 1, publishes(a)), cluster('madrid', 2, publishes(a), [keyIdOf(a)])]
    const next = nextClusterKeys(byEvil, claimed, now)
    expect([isOf(next, 'evil'), isOf(next, 'madrid')]).to.deep.equal([undefined, a])
    expect(next.faults.get('evil')).to.include('that of cluster madrid').and.not.to.include('keyIds')
    expect(next.faults.has('madrid')).to.equal(false)
  })

  it('T33 a name of a key gives nothing: the id is of the key itself', () => {
    const renamed = { ...b, kid: keyIdOf(a) }
    const claimed = [cluster('evil', 1, publishes(a), [keyIdOf(b)]), cluster('madrid', 2, publishes(renamed))]
    const next = nextClusterKeys(nobody, claimed, now)
    expect([isOf(next, 'evil'), isOf(next, 'madrid')]).to.deep.equal([a, undefined])
  })

  it('T33 nobody gets a key of the hub by a list, and of two that list one key the older has it', () => {
    const hub = nextClusterKeys(nobody, [cluster('evil', 1, publishes(c), [keyIdOf(c)])], now)
    expect(hub.joined.has('evil')).to.equal(false)
    const both = [cluster('madrid', 2, publishes(a), [keyIdOf(a)]), cluster('berlin', 1, publishes(a), [keyIdOf(a)])]
    expect([...nextClusterKeys(nobody, both, now).joined.keys()]).to.deep.equal(['berlin'])
  })

  it('T33 the id is what an API server calls the key: SHA-256 of its public key in DER', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const der = publicKey.export({ type: 'spki', format: 'der' })
    const kid = createHash('sha256').update(der).digest('base64url')
    expect(keyIdOf(publicKey.export({ format: 'jwk' }) as Jwk)).to.equal(kid)
  })
})

describe('publishedKeys', () => {
  const configMap = (jwks: unknown, more: object = {}) => ({ data: { issuer, jwks: JSON.stringify(jwks), ...more } })

  it('reads issuer and keys', () => {
    expect(publishedKeys(configMap({ keys: [a, b] }))).to.deep.equal(publishes(a, b))
  })

  for (const [sentence, given] of [
    ['no ConfigMap', undefined],
    ['a ConfigMap without data', {}],
    ['no issuer', configMap({ keys: [a] }, { issuer: '' })],
    ['an issuer that is no text', configMap({ keys: [a] }, { issuer: 7 })],
    ['an issuer that is too long', configMap({ keys: [a] }, { issuer: `https://${'x'.repeat(2041)}` })],
    ['keys that are no text', configMap({ keys: [a] }, { jwks: { keys: [a] } })],
    ['no JSON', { data: { issuer, jwks: '{' } }],
    ['no list', configMap({ keys: 'a' })],
    ['no key', configMap({ keys: [] })],
    ['private keys alone', configMap({ keys: [{ ...a, d: 'AAAA' }] })],
    ['more keys than one cluster may have', configMap({ keys: Array.from({ length: 9 }, () => a) })],
    ['a giant', configMap({ keys: [{ ...a, padding: 'x'.repeat(20_000) }] })],
  ] as const)
    it(`T33 takes nothing from ${sentence}`, () => expect(publishedKeys(given).kind).to.equal('unusable'))
})
