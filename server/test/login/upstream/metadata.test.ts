import { expect } from 'chai'
import { keptLog } from '@nauthera/harness/kept-log'
import { hasCode } from '@nauthera/runtime/coded-error'
import { failOnLeaks } from '@nauthera/harness/leaks'
import { createUpstreamMetadata, metadataAges } from '../../../src/login/upstream/metadata.ts'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'
import { startOddProvider } from './provider.ts'
import type { OddProvider } from './provider.ts'

describe(createUpstreamMetadata.name, () => {
  let odd: OddProvider
  let time = Date.now()
  beforeEach(async () => {
    odd = await startOddProvider()
  })
  afterEach(() => odd.stop())
  failOnLeaks()

  const { lines, log } = keptLog()
  const create = (options: Partial<Parameters<typeof createUpstreamMetadata>[0]> = {}) =>
    createUpstreamMetadata({
      issuer: odd.issuer,
      plainHttp: true,
      fetch: (url, init) =>
        fetch(url, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), connection: 'close' } }),
      cache: undefined,
      log,
      now: () => time,
      ...options,
    })
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'fine',
      (error: unknown) => (hasCode(error) ? error.code : String(error)),
    )

  it('asks once for many, and again after an hour', async () => {
    const metadata = create()
    const all = await Promise.all(Array.from({ length: 10 }, () => metadata.load()))
    expect(new Set(all).size).to.equal(1)
    expect(odd.asked).to.deep.equal(['/.well-known/openid-configuration', '/jwks'])
    time += metadataAges.fresh - 1
    await metadata.load()
    expect(odd.asked).to.have.length(2)
    time += 1
    await metadata.load()
    expect(odd.asked).to.have.length(4)
  })

  it('F9 goes on for a day with what a provider said, and asks a failing one at most each ten seconds', async () => {
    const metadata = create()
    const known = await metadata.load()
    odd.says.status = 503
    time += metadataAges.fresh
    lines.length = 0
    for (let time_ = 0; time_ < 5; time_++) expect(await metadata.load()).to.equal(known)
    expect(odd.asked).to.have.length(3)
    expect(lines).to.have.length(1)
    expect(lines[0]).to.contain('what it said in the last day is used')
    time += metadataAges.lastGood
    expect(await codeOf(metadata.load())).to.equal('UPSTREAM_UNAVAILABLE')
    expect(await codeOf(metadata.load())).to.equal('UPSTREAM_UNAVAILABLE')
    expect(odd.asked).to.have.length(4)
    expect(lines.at(-1)).to.contain('nobody can sign in there')
    odd.says.status = 200
    time += metadataAges.failure
    expect((await metadata.load()).at).to.equal(time)
  })

  it('F9 asks for keys again once, and then at most once a minute', async () => {
    const metadata = create()
    await metadata.load()
    await odd.rotate(true)
    expect((await metadata.keysAgain()).keys).to.have.length(2)
    expect(await codeOf(metadata.keysAgain())).to.equal('UPSTREAM_ANSWER_INVALID')
    expect(odd.asked.filter((path) => path === '/jwks')).to.have.length(2)
    expect((await metadata.load()).keys.keys).to.have.length(2)
    time += metadataAges.keysAgain
    await metadata.keysAgain()
    expect(odd.asked.filter((path) => path === '/jwks')).to.have.length(3)
  })

  it('shares what it knows through the cache, and takes nothing from it that is too old or no metadata', async () => {
    const cache = createMemoryCache({ now: () => time })
    await create({ cache }).load()
    const second = create({ cache })
    await second.load()
    expect(odd.asked).to.have.length(2)
    time += metadataAges.fresh
    await second.load()
    expect(odd.asked).to.have.length(4)
    for (const entry of ['garbage', '{}', JSON.stringify({ server: { issuer: 'x' }, keys: { keys: [1] }, at: time })]) {
      await cache.set({ purpose: 'upstream-metadata', id: odd.issuer }, Buffer.from(entry), 60_000)
      const { server } = await create({ cache }).load()
      expect(server.issuer).to.equal(odd.issuer)
    }
  })

  it('takes nothing from a provider that names another issuer, or no keys', async () => {
    odd.says.discovery = { issuer: 'http://localhost:1' }
    expect(await codeOf(create().load())).to.equal('UPSTREAM_ANSWER_INVALID')
    odd.says.discovery = { jwks_uri: undefined }
    expect(await codeOf(create().load())).to.equal('UPSTREAM_ANSWER_INVALID')
    odd.says.discovery = { jwks_uri: `${odd.issuer}/none` }
    expect(await codeOf(create().load())).to.equal('UPSTREAM_UNAVAILABLE')
  })
})
