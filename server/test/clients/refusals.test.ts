import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect } from 'chai'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { refusalKinds, refusalLimits } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { create, toBinary } from '@bufbuild/protobuf'
import { UsageSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { usageMessage } from '../../src/clients/config-service.ts'
import { createUsage } from '../../src/clients/usage.ts'
import { RefusalCounts } from '../../src/clients/refusals.ts'
import type { RegisteredClient } from '../../src/clients/registered-client.ts'
import type { Registry } from '../../src/clients/registry.ts'

const client = (name: string, more: Partial<RegisteredClient> = {}): RegisteredClient =>
  ({
    namespace: 'apps',
    name,
    clientId: `apps.${name}`,
    uid: `uid-${name}`,
    config: {
      redirectUris: ['https://app.example.com/callback', 'com.example.app:/callback'],
      postLogoutRedirectUris: [],
      corsOrigins: [],
      audiences: [],
    },
    ...more,
  }) as unknown as RegisteredClient

const minute = 60_000
const codes = Object.keys(refusalKinds) as RefusalCode[]

describe(RefusalCounts.name, () => {
  let now: number
  let order: number
  let address: string
  let counts: RefusalCounts
  beforeEach(() => {
    now = 0
    order = 0
    address = '203.0.113.1'
    counts = new RefusalCounts(() => now)
  })
  const refuse = (one: RegisteredClient, code: RefusalCode, by: 'Client' | 'Anyone' = 'Client', detail?: string) => {
    if (counts.count(one, { code, by, detail, from: address }, order + 1)) order++
  }
  const told = (cursor = 0) => counts.since(cursor, () => ++order)
  const codesOf = (name: string) =>
    told()
      .find((one) => one.name === name)
      ?.refusals.map(({ code }) => code) ?? []

  it('tells a new code at once, and its counts five minutes later, however many there are', () => {
    const grafana = client('grafana')
    refuse(grafana, 'SECRET_WRONG', 'Anyone')
    expect(told().map(({ refusals }) => refusals)).to.deep.equal([
      [{ code: 'SECRET_WRONG', by: 'Anyone', details: [], count: 1, lastSeen: 0 }],
    ])
    const cursor = order
    for (let request = 0; request < 10_000; request++) {
      now += 29
      refuse(grafana, 'SECRET_WRONG', 'Anyone')
      if (request % 1000 === 0) expect(told(cursor)).to.deep.equal([])
    }
    now = 5 * minute + 29
    expect(told(cursor).map(({ refusals }) => refusals.map(({ count }) => count))).to.deep.equal([[10_001]])
    expect(told(order), 'once').to.deep.equal([])
  })

  it('forgets what was refused an hour ago, and clients that are gone or are others now', () => {
    refuse(client('one'), 'SECRET_WRONG')
    now += 30 * minute
    refuse(client('one'), 'CODE_REFUSED')
    refuse(client('two'), 'CODE_REFUSED')
    now += 30 * minute
    expect(codesOf('one')).to.deep.equal(['CODE_REFUSED'])
    refuse(client('three'), 'CODE_REFUSED')
    const cursor = order
    now += 60 * minute
    const over = ['one', 'two', 'three'].map((name) => [name, []])
    const toStream = () => told(cursor).map(({ name, refusals }) => [name, refusals])
    expect(toStream()).to.deep.equal(over)
    expect(toStream(), 'to another stream too: the first may be dead').to.deep.equal(over)
    expect(told(order), 'once to each').to.deep.equal([])
    now += minute
    expect(toStream()).to.deep.equal([])
    refuse(client('two'), 'CODE_REFUSED')
    counts.removeAllBut({ find: (id: string) => (id === 'apps.one' ? client('one') : undefined) } as Registry)
    expect(codesOf('two')).to.deep.equal([])
    refuse(client('one', { uid: 'made anew' }), 'PKCE_MISSING')
    expect(codesOf('one')).to.deep.equal(['PKCE_MISSING'])
  })

  it('has a place for each code, of programs that proved themselves and of anybody', () => {
    for (const code of codes) refuse(client('one'), code, 'Anyone')
    for (const code of codes) refuse(client('one'), code, 'Client')
    expect(codesOf('one')).to.deep.equal([...codes, ...codes])
  })

  it('tells a new detail at once, and of each sender the last one', () => {
    const details = () => told()[0]!.refusals[0]!.details.map(({ text }) => text)
    refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://app.example.com/1')
    const cursor = order
    refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://app.example.com/1')
    expect(told(cursor)).to.deep.equal([])
    refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://app.example.com/2')
    expect(told(cursor)).to.have.length(1)
    expect(details()).to.deep.equal(['https://app.example.com/2'])
    now++
    address = '198.51.100.1'
    refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://app.example.com/3')
    expect(details()).to.deep.equal(['https://app.example.com/3', 'https://app.example.com/2'])
  })

  it('keeps a detail of the client beside any number of others, and one from elsewhere beside any number of one network', () => {
    address = '198.51.100.1'
    refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://app.example.com/mine')
    refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://next.example.net/mine')
    for (let n = 0; n < 1_000; n++) {
      now++
      address = n % 2 ? `203.0.${n % 200}.${n % 255}` : `2001:db8:${n}::1`
      refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', `https://evil.example/${n}`)
      refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', `https://app.example.com/${n}`)
    }
    const texts = told()[0]!.refusals[0]!.details.map(({ text }) => text)
    expect(texts).to.include.members(['https://app.example.com/mine', 'https://next[.]example[.]net/mine'])
    expect(texts).to.have.length(2 * refusalLimits.places.Anyone)
  })

  it('forgets the client whose last request is the longest ago, and says so; proven ones have as much room of their own', () => {
    for (let n = 0; n < refusalLimits.clients; n++) refuse(client(`p${n}`), 'SCOPE_NOT_GRANTED', 'Client')
    for (let n = 0; n < 2 * refusalLimits.clients; n++) refuse(client(`s${n}`), 'SECRET_WRONG', 'Anyone')
    const all = told()
    expect(all.filter(({ refusals }) => refusals.length > 0)).to.have.length(2 * refusalLimits.clients)
    expect(codesOf('p0')).to.deep.equal(['SCOPE_NOT_GRANTED'])
    expect(codesOf('s0')).to.deep.equal([])
    expect(all.find(({ name }) => name === 's0')?.refusals).to.deep.equal([])
    refuse(client('s0'), 'SECRET_WRONG', 'Anyone')
    expect(codesOf('s0')).to.deep.equal(['SECRET_WRONG'])
    expect(told().filter(({ name }) => name === 's0')).to.have.length(1)
  })

  it('fits into messages of half of the size that one may have, with all that a stranger and a program can cause', () => {
    const detail = `https://app.example.com/${'x'.repeat(refusalLimits.detail)}`
    for (let n = 0; n < 300; n++)
      for (const code of codes)
        for (let sender = 0; sender < 3; sender++) {
          address = `10.${sender}.0.1`
          for (const by of ['Anyone', 'Client'] as const) {
            refuse(client(`c${n}`), code, by, `${detail.slice(0, 190)}${sender}`)
            if (refusalKinds[code].detail === 'uri') refuse(client(`c${n}`), code, by, `https://evil${detail}`)
          }
        }
    const report = { ...createUsage().since(0), refusals: told() }
    const { byteLength } = toBinary(UsageSchema, create(UsageSchema, usageMessage(report)))
    expect(byteLength).to.be.within(4 * 1024 * 1024, 9 * 1024 * 1024)
  })

  it('keeps nothing of a request but its detail', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const some = ['CODE_REFUSED', 'SECRET_WRONG', 'SCOPE_NOT_GRANTED', 'PKCE_MISSING'] as const
    const before = used()
    for (let n = 0; n < 500; n++)
      for (const code of some) {
        const request = Buffer.alloc(16_000, `${n}`).toString('latin1')
        refuse(client(`c${n}`), code, 'Anyone', request.slice(100, 15_000))
      }
    expect((used() - before) / 2_000, 'bytes for each').to.be.lessThan(3_000)
  })

  it('counts nothing of a client by metadata document: it has no object', () => {
    refuse(client('https://app.example.com/client.json', { namespace: '' }), 'CODE_REFUSED')
    expect(told()).to.deep.equal([])
  })

  it('shows of any detail at most 200 characters of ASCII, and no address that can be followed but those of the client', () => {
    const uri = fc
      .tuple(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.string())
      .map(([url, more]) => url + more)
    const detail = fc.oneof(uri, fc.string({ unit: 'binary', maxLength: 400 }), fc.webUrl())
    const codes = fc.constantFrom<RefusalCode>('REDIRECT_URI_NOT_LISTED', 'SCOPE_NOT_GRANTED', 'AUDIENCE_NOT_GRANTED')
    fc.assert(
      fc.property(detail, codes, (text, code) => {
        counts = new RefusalCounts(() => now)
        refuse(client('one'), code, 'Anyone', text)
        const shown = told()[0]!.refusals[0]!.details[0]?.text ?? ''
        expect(shown).to.match(/^[\x20-\x7e]{0,200}$/)
        expect(shown).not.to.match(/[a-z0-9]\.[a-z0-9]/i)
        if (code !== 'SCOPE_NOT_GRANTED') expect(shown).not.to.match(/[?#]/)
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('shows an address of the client as it came, but for its query, fragment and user', () => {
    const shown = (detail: string) => {
      counts = new RefusalCounts(() => now)
      refuse(client('one'), 'REDIRECT_URI_NOT_LISTED', 'Anyone', detail)
      return told()[0]!.refusals[0]!.details[0]?.text ?? ''
    }
    expect(shown('https://ada:x@app.example.com/Callback?state=1#a')).to.equal('https://app.example.com/Callback')
    expect(shown('http://app.example.com/callback')).to.equal('http://app.example.com/callback')
    expect(shown('com.example.app:/other')).to.equal('com.example.app:/other')
    expect(shown('com.evil.app:/callback')).to.equal('com[.]evil[.]app:/callback')
    expect(shown('https://app.example.com.evil.example/')).to.equal('https://app[.]example[.]com[.]evil[.]example/')
  })
})
