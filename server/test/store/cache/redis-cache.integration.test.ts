import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createLog } from '@nauthera/runtime/log'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { startValkey } from '@nauthera/local/programs/valkey'
import type { Valkey } from '@nauthera/local/programs/valkey'
import type { Cache } from '../../../src/store/cache/cache.ts'
import { createKeyRing } from '../../../src/store/driver/envelope.ts'
import { parseCacheUrl } from '../../../src/store/cache/cache-connection.ts'
import { createRedisCache } from '../../../src/store/cache/redis-cache.ts'
import { cacheConformance, read } from '../../conformance/cache.ts'

const keys = createKeyRing(new Map([['k', randomBytes(32)]]), 'k').derive('cache')
const lines: string[] = []
const log = createLog({
  process: 'test',
  level: 'info',
  format: 'json',
  sink: { write: (line) => void lines.push(line) },
})

/** What a test opened is closed after it, also when it fails. */
const ends: (() => Promise<void>)[] = []
async function openCache(
  url: string,
  options: { now?: () => number; keys?: typeof keys; timeoutMs?: number } = {},
): Promise<Cache> {
  // a long time-out, since the machine may be busy; the tests of faults use the default of the server
  const connection = parseCacheUrl(new Secret(url))
  const cache = createRedisCache({ connection, keys, log, timeoutMs: 5000, ...options })
  ends.push(() => cache.stop())
  await cache.settled()
  return cache
}

/** What answers so much later, and to each read the same. @returns its URL */
async function startOdd(answer: string, lateMs = 0): Promise<string> {
  const odd = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (asked) => {
      for (const [, command = ''] of asked.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        const said = /mget/i.test(command) ? answer : /info/i.test(command) ? '$9\r\nloading:0' : '+OK'
        setTimeout(() => socket.write(`${said}\r\n`), lateMs)
      }
    })
  })
  odd.listen(0, '127.0.0.1')
  await once(odd, 'listening')
  ends.push(async () => void odd.close())
  return `redis://127.0.0.1:${(odd.address() as AddressInfo).port}`
}

/** Reads what is not there. @returns whether that took a turn of the loop: who asks a server waits for one */
async function waits(cache: Cache): Promise<boolean> {
  let hasWaited = false
  const turn = setImmediate(() => (hasWaited = true))
  expect(await read(cache, 'grant', 'a')).to.equal(undefined)
  clearImmediate(turn)
  return hasWaited
}

/** Waits until the cache returns what was set: then it is connected again. */
async function untilHit(cache: Cache): Promise<void> {
  const end = performance.now() + 10_000
  while (performance.now() < end) {
    await cache.set({ purpose: 'test', id: 'probe' }, Buffer.of(1), 60_000)
    if ((await read(cache, 'test', 'probe')) !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the cache did not come within 10 s')
}

describe(createRedisCache.name, () => {
  let server: Valkey
  before(async () => {
    server = await startValkey()
  })
  after(() => server.stop())
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
  })

  cacheConformance(createRedisCache.name, async () => {
    let passed = 0
    const cache = await openCache(server.url, { now: () => Date.now() + passed })
    return { cache, pass: (ms) => void (passed += ms), end: () => cache.stop() }
  })

  describe('when somebody else writes to the server', () => {
    let cache: Cache
    let raw: Redis
    beforeEach(async () => {
      cache = await openCache(server.url)
      raw = new Redis(server.url)
    })
    afterEach(() => raw.disconnect())

    it('F7 returns nothing for an entry that is forged, cut, moved, copied to another id, or garbage', async () => {
      await cache.set({ purpose: 'grant', id: 'a' }, Buffer.from('good'), 60_000)
      const box = (await raw.getBuffer('nauthera:grant:a'))!
      const flipped = Buffer.from(box)
      flipped[flipped.length - 1]! ^= 1
      const forged: [string, Buffer][] = [
        ['nauthera:grant:b', box],
        ['nauthera:claims:a', box],
        ['nauthera:grant:flipped', flipped],
        ['nauthera:grant:cut', box.subarray(0, 20)],
        ['nauthera:grant:empty', Buffer.alloc(0)],
        ['nauthera:grant:garbage', randomBytes(200)],
        ['nauthera:grant:text', Buffer.from('{"admin":true}')],
      ]
      for (const [key, value] of forged) await raw.set(key, value)
      for (const [key] of forged) {
        const [, purpose, id] = key.split(':') as [string, string, string]
        expect(await read(cache, purpose, id), key).to.equal(undefined)
      }
      expect(Buffer.from((await read(cache, 'grant', 'a'))!).toString()).to.equal('good')
    })

    it('F7 returns nothing for an entry that was kept longer than its time', async () => {
      let passed = 0
      const later = await openCache(server.url, { now: () => Date.now() + passed })
      await later.set({ purpose: 'grant', id: 'old' }, Buffer.from('x'), 60_000)
      await raw.persist('nauthera:grant:old')
      passed = 61_000
      expect(await read(later, 'grant', 'old')).to.equal(undefined)
    })

    it('F7 returns nothing after a flush, and works on', async () => {
      await cache.set({ purpose: 'grant', id: 'a' }, Buffer.from('x'), 60_000)
      await raw.flushall()
      expect(await read(cache, 'grant', 'a')).to.equal(undefined)
      await cache.set({ purpose: 'grant', id: 'a' }, Buffer.from('y'), 60_000)
      expect(await read(cache, 'grant', 'a')).to.not.equal(undefined)
    })

    it('K12 shows no value to somebody who can read the server, and opens entries of every key of the ring', async () => {
      const [old, current] = [randomBytes(32), randomBytes(32)]
      const before = await openCache(server.url, { keys: createKeyRing(new Map([['o', old]]), 'o').derive('cache') })
      await before.set({ purpose: 'grant', id: 'ring' }, Buffer.from('canary-value'), 60_000)
      expect((await raw.getBuffer('nauthera:grant:ring'))!.includes('canary-value')).to.equal(false)
      const after = createKeyRing(
        new Map([
          ['o', old],
          ['c', current],
        ]),
        'c',
      ).derive('cache')
      const rotated = await openCache(server.url, { keys: after })
      expect(Buffer.from((await read(rotated, 'grant', 'ring'))!).toString()).to.equal('canary-value')
      expect(await read(cache, 'grant', 'ring'), 'another release cannot').to.equal(undefined)
    })
  })

  it('F7 returns nothing when who answers is no cache: a text, a number, lists of other things, or an answer too many', async () => {
    const answers = [
      '+OK',
      ':7',
      '$2\r\nhi',
      '*0',
      '*-1',
      '*1\r\n:7',
      '*1\r\n*0',
      '*1\r\n+hi',
      '*1\r\n-ERR x',
      '+a\r\n+b\r\n+c',
    ]
    for (const answer of answers) {
      const cache = await openCache(await startOdd(answer))
      for (let turn = 0; turn < 3; turn++) expect(await read(cache, 'grant', 'a'), answer).to.equal(undefined)
    }
  })

  it('has settled once a server is there that needs no longer to begin than a command may take', async () => {
    expect(await waits(await openCache(await startOdd('*1\r\n$-1', 600)))).to.equal(true)
  })

  it('F5 returns nothing at once while the server is down, logs it once, and works again by itself', async () => {
    const doomed = await startValkey()
    ends.push(() => doomed.stop())
    const cache = await openCache(doomed.url, { timeoutMs: 100 })
    await doomed.stop()
    const before = lines.length
    const began = performance.now()
    for (let turn = 0; turn < 100; turn++) {
      await cache.set({ purpose: 'grant', id: 'a' }, Buffer.from('x'), 60_000)
      expect(await read(cache, 'grant', 'a')).to.equal(undefined)
    }
    expect(performance.now() - began).to.be.below(2000)
    const back = await startValkey({ port: doomed.port })
    ends.push(() => back.stop())
    await untilHit(cache)
    expect(lines.slice(before).filter((line) => line.includes('cache unavailable')).length).to.be.at.most(1)
  })

  it('F5 waits 100 ms for a server that hangs, five times, and then stops asking it for a while', async () => {
    const hung = await startValkey()
    ends.push(() => hung.stop())
    const cache = await openCache(hung.url, { timeoutMs: 100 })
    await untilHit(cache)
    process.kill(hung.pid, 'SIGSTOP')
    const began = performance.now()
    for (let turn = 0; turn < 5; turn++) expect(await waits(cache), `read ${turn + 1}`).to.equal(true)
    expect(performance.now() - began).to.be.at.least(490)
    // it dials again as long as the server hangs, which takes half a second each time, and no read waits for that
    const end = performance.now() + 3000
    while (performance.now() < end) {
      expect(await waits(cache)).to.equal(false)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    process.kill(hung.pid, 'SIGCONT')
    await untilHit(cache)
  })
})
