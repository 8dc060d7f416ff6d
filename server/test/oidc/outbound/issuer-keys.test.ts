import { quietLog as log } from '@nauthera/harness/kept-log'
import { writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createKeySource } from '../../../src/oidc/outbound/issuer-keys.ts'
import type { Fetch } from '../../../src/oidc/outbound/outbound-fetch.ts'

const issuer = 'https://ci.example.com'
const key = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
})
const [a, b] = [key('a'), key('b')]

describe('createKeySource', () => {
  let now: number
  let asked: string[]
  let documents: Record<string, unknown>
  beforeEach(() => {
    now = 0
    asked = []
    documents = { [`${issuer}/keys`]: { keys: [a] } }
  })
  const fetch: Fetch = async (url) => {
    asked.push(String(url))
    const document = documents[String(url)]
    return document === undefined ? new Response(null, { status: 404 }) : Response.json(document)
  }
  const source = (more: { jwksURI?: string; jwksFile?: string } = { jwksURI: `${issuer}/keys` }) =>
    createKeySource({ issuer, thisCluster: false, ...more }, { fetch, log, now: () => now })
  const kidsOf = async (keys: ReturnType<typeof source>, kid?: string) =>
    (await keys.keys(kid))?.keys.map(({ jwk }) => jwk['kid'])

  it('reads the keys once, and again for one that it lacks, at most once in 10 s', async () => {
    const keys = source()
    expect(await kidsOf(keys, 'a')).to.deep.equal(['a'])
    expect(await kidsOf(keys, 'a')).to.deep.equal(['a'])
    expect(asked).to.have.length(1)
    documents[`${issuer}/keys`] = { keys: [a, b] }
    for (let turn = 0; turn < 5; turn++) await kidsOf(keys, 'b')
    expect(asked).to.have.length(1)
    now = 10_000
    expect(await kidsOf(keys, 'b')).to.deep.equal(['a', 'b'])
    expect(asked).to.have.length(2)
  })

  it('asks for nothing while it has the key, whatever others it has', async () => {
    documents[`${issuer}/keys`] = { keys: [a, b] }
    const keys = source()
    await kidsOf(keys)
    now = 10_000
    for (const kid of ['a', 'b', undefined]) await kidsOf(keys, kid)
    expect(asked).to.have.length(1)
  })

  it('reads fifty keys and no more', async () => {
    const keysOf = (count: number) => Array.from({ length: count }, (_, number) => ({ ...a, kid: `${number}` }))
    documents[`${issuer}/keys`] = { keys: keysOf(50) }
    expect(await kidsOf(source())).to.have.length(50)
    documents[`${issuer}/keys`] = { keys: keysOf(51) }
    expect(await kidsOf(source())).to.equal(undefined)
  })

  it('answers at once with the keys that it has while it reads those of five minutes later', async () => {
    const keys = source()
    await kidsOf(keys)
    documents[`${issuer}/keys`] = { keys: [b] }
    now = 299_999
    expect(await kidsOf(keys, 'a')).to.deep.equal(['a'])
    expect(asked).to.have.length(1)
    now = 300_000
    expect(await kidsOf(keys, 'a')).to.deep.equal(['a'])
    expect(asked).to.have.length(2)
  })

  it('T32 waits for the new keys where those that it has are ten minutes old', async () => {
    const keys = source()
    await kidsOf(keys)
    documents[`${issuer}/keys`] = { keys: [b] }
    now = 600_000
    expect(await kidsOf(keys, 'a')).to.deep.equal(['b'])
  })

  it('leaves out what is no key that verifies', async () => {
    documents[`${issuer}/keys`] = { keys: [7, { ...b, d: 'AAAA' }, a] }
    expect(await kidsOf(source())).to.deep.equal(['a'])
  })

  it('keeps the last good keys when the issuer does not answer, or answers something else', async () => {
    const keys = source()
    await kidsOf(keys)
    for (const wrong of [undefined, { keys: [] }, { keys: [{ ...a, d: 'AAAA' }] }, 'x'.repeat(70_000)]) {
      documents[`${issuer}/keys`] = wrong
      now += 600_000
      expect(await kidsOf(keys, 'b')).to.deep.equal(['a'])
    }
  })

  it('T32 does not take a key that was withdrawn while nobody asked', async () => {
    const keys = source()
    await kidsOf(keys, 'a')
    documents[`${issuer}/keys`] = { keys: [b] }
    now = 3_600_000
    expect(await kidsOf(keys, 'a')).to.deep.equal(['b'])
  })

  it('T32 keeps keys that nobody can read any more for a day', async () => {
    const keys = source()
    await kidsOf(keys, 'a')
    documents = {}
    now = 86_399_999
    expect(await kidsOf(keys, 'a')).to.deep.equal(['a'])
    now = 86_400_000
    expect(await kidsOf(keys, 'a')).to.equal(undefined)
  })

  it('finds the keys by the discovery document, of exactly this issuer', async () => {
    const place = `${issuer}/.well-known/openid-configuration`
    documents[place] = { issuer, jwks_uri: `${issuer}/keys` }
    expect(await kidsOf(source({}))).to.deep.equal(['a'])
    documents[place] = { issuer: `${issuer}/`, jwks_uri: `${issuer}/keys` }
    expect(await kidsOf(source({}))).to.equal(undefined)
    documents['http://ci.example.com/keys'] = { keys: [a] }
    for (const address of ['http://ci.example.com/keys', 7]) {
      documents[place] = { issuer, jwks_uri: address }
      expect(await kidsOf(source({})), String(address)).to.equal(undefined)
    }
    expect(asked).not.to.include('http://ci.example.com/keys')
  })

  it('reads a file, and again as it changes', async () => {
    const directory = temporaryDirectory('test')
    const jwksFile = join(directory, 'keys.json')
    writeFileSync(jwksFile, JSON.stringify({ keys: [a] }))
    const keys = source({ jwksFile })
    expect(await kidsOf(keys)).to.deep.equal(['a'])
    writeFileSync(jwksFile, JSON.stringify({ keys: [b] }))
    now = 10_000
    expect(await kidsOf(keys, 'b')).to.deep.equal(['b'])
    expect(asked).to.deep.equal([])
  })
})
