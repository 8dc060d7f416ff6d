import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { createJwksFetch } from '../../../src/oidc/outbound/jwks-fetch.ts'
import { keepLog } from '../../http/harness.ts'

const url = 'https://app.example.com/jwks'
const publicKey = (kid: string, modulusLength: number) => ({
  kid,
  ...generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }),
})

/** @param answer to each request */
function create(answer: () => Promise<Response> | Response) {
  const log = keepLog()
  let asked = 0
  let now = 0
  const fetch = createJwksFetch({
    fetch: async () => (asked++, answer()),
    asker: () => '192.0.2.1',
    log,
    now: () => now,
  })
  return { fetch, log, asked: () => asked, wait: (milliseconds: number) => (now += milliseconds) }
}

const outcome = (work: Promise<Response>) =>
  work.then(
    () => 'keys',
    (error: Error) => error.message,
  )

describe('createJwksFetch', () => {
  const faults: [sentence: string, answer: () => Promise<Response> | Response, message: string][] = [
    ['that cannot be reached', () => Promise.reject(new Error('refused')), 'refused'],
    ['that answers with an error', () => new Response('no', { status: 500 }), 'status 500'],
    ['that answers with no JSON', () => new Response('<html>'), 'JSON'],
    ['that answers with no key set', () => Response.json({}), 'JWK set'],
    ['that answers with hundreds of keys', () => Response.json({ keys: Array(51).fill({}) }), 'more than 50 keys'],
    ['that answers with large keys', () => Response.json({ keys: [{ x: 'x'.repeat(65_536) }] }), '64 KiB'],
  ]
  for (const [sentence, answer, message] of faults) {
    it(`asks an address ${sentence} once a minute, and says so once`, async () => {
      const keys = create(answer)
      for (let turn = 0; turn < 50; turn++) expect(await outcome(keys.fetch(url))).to.contain(message)
      expect(keys.asked()).to.equal(1)
      expect(keys.log.lines).to.have.length(1)
      keys.wait(59_999)
      await outcome(keys.fetch(url))
      expect(keys.asked()).to.equal(1)
      keys.wait(1)
      await outcome(keys.fetch(url))
      expect(keys.asked()).to.equal(2)
    })
  }

  it('asks once for all who want the keys at the same time', async () => {
    const keys = create(() => Response.json({ keys: [] }))
    await Promise.all(Array.from({ length: 20 }, () => keys.fetch(url)))
    expect(keys.asked()).to.equal(1)
  })

  it('asks again at once after a success, and for another address', async () => {
    const keys = create(() => Response.json({ keys: [] }))
    for (const address of [url, url, `${url}2`]) await keys.fetch(address)
    expect(keys.asked()).to.equal(3)
  })

  it('gives the last good keys for a day while the address fails, and asks it once a minute', async () => {
    let isUp = true
    const good = publicKey('good', 2048)
    const keys = create(() => (isUp ? Response.json({ keys: [good] }) : new Response('no', { status: 500 })))
    await keys.fetch(url)
    isUp = false
    for (let turn = 0; turn < 20; turn++) {
      const answer = await keys.fetch(url)
      expect(answer.headers.get('cache-control')).to.equal('max-age=0')
      expect(await answer.json()).to.deep.equal({ keys: [good] })
    }
    expect(keys.asked()).to.equal(2)
    keys.wait(86_399_999)
    expect(await outcome(keys.fetch(url))).to.equal('keys')
    keys.wait(1)
    expect(await outcome(keys.fetch(url))).to.contain('status 500')
  })

  it('forgets the keys that it fetched longest ago when those of a thousand addresses fill its room', async () => {
    let isUp = true
    const large = { ...publicKey('large', 2048), note: 'x'.repeat(60_000) }
    const keys = create(() => (isUp ? Response.json({ keys: [large] }) : new Response('no', { status: 500 })))
    for (let turn = 0; turn < 1000; turn++) await keys.fetch(`${url}?${turn}`)
    isUp = false
    expect(await outcome(keys.fetch(`${url}?0`))).to.contain('status 500')
    expect(await outcome(keys.fetch(`${url}?999`))).to.equal('keys')
  })

  it('leaves out keys that can verify nothing: short RSA keys, private and malformed ones', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const good = publicKey('good', 2048)
    const all = [good, publicKey('short', 1024), privateKey.export({ format: 'jwk' }), { kty: 'RSA' }, 'text', null]
    const answer = await create(() => Response.json({ keys: all })).fetch(url)
    expect(await answer.json()).to.deep.equal({ keys: [good] })
  })

  it('says that keys are fresh for an hour at most', async () => {
    const withAge = (header: string) =>
      create(() => Response.json({ keys: [] }, { headers: { 'cache-control': header } }))
    const age = async (header: string) => (await withAge(header).fetch(url)).headers.get('cache-control')
    expect(await age('public, max-age=600')).to.equal('max-age=600')
    expect(await age('max-age=999999999')).to.equal('max-age=3600')
    expect(await age('no-store')).to.equal('max-age=0')
  })
})
