import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { ClientRefusalsSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { mostRefusals, refusalKinds, refusalLimits } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { expect } from 'chai'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import { describeRefusals, refusalsEndIn, tellsRefusal } from '../../src/decide/status/refusals.ts'
import type { KnownRefusal } from '../../src/decide/status/observations.ts'
import { Refusals } from '../../src/status/refusals.ts'
import { client } from '../decide/clients.ts'

const minute = 60_000

describe(Refusals.name, () => {
  let clock: ReturnType<typeof createManualClock>
  let refusals: Refusals
  /** As the API has them: written when their client is woken. */
  let statuses: Map<string, OIDCClientStatus['refusals']>
  let woken: { readonly key: string; readonly at: number }[]
  const start = () => {
    refusals = new Refusals({
      clock,
      told: (key) => statuses.get(key),
      wake: (keys) => {
        for (const key of keys) {
          woken.push({ key, at: clock.monotonic() })
          const known = { ...client(), status: { refusals: statuses.get(key) } } as ReturnType<typeof client>
          statuses.set(key, describeRefusals(known, refusals.published(key), clock.now()))
        }
      },
    })
  }
  beforeEach(() => {
    clock = createManualClock()
    statuses = new Map()
    woken = []
    start()
  })
  afterEach(() => refusals.stop())

  const say = (
    uid: string,
    key: string,
    count: number,
    code: RefusalCode | 'LATER' = 'SECRET_WRONG',
    byClient = false,
  ) => {
    const [namespace, name] = key.split('/') as [string, string]
    const lastSeen = timestampFromMs(clock.now())
    refusals.record(uid, [
      create(ClientRefusalsSchema, {
        namespace,
        name,
        refusals: [{ code, byClient, details: [{ text: 'd', lastSeen }], count: BigInt(count), lastSeen }],
      }),
    ])
  }
  const counts = (key: string) => (statuses.get(key) ?? []).map(({ code, by, count }) => [code, by, count])

  it('K27 tells a count that a status can have, whatever a server says', async () => {
    say('one', 'apps/a', 0)
    say('one', 'apps/b', 2 ** 63)
    clock.advance(2_000)
    expect(counts('apps/a')).to.deep.equal([['SECRET_WRONG', 'Anyone', 1]])
    expect(counts('apps/b')).to.deep.equal([['SECRET_WRONG', 'Anyone', Number.MAX_SAFE_INTEGER]])
  })

  it('tells a new code at once, and how often it was met, of all replicas together, after five minutes', () => {
    say('a', 'apps/grafana', 1)
    clock.advance(0)
    expect(counts('apps/grafana')).to.deep.equal([['SECRET_WRONG', 'Anyone', 1]])
    say('b', 'apps/grafana', 3)
    say('a', 'apps/grafana', 10)
    clock.advance(5 * minute - 1)
    expect(woken).to.have.length(1)
    clock.advance(1)
    expect(counts('apps/grafana')).to.deep.equal([['SECRET_WRONG', 'Anyone', 13]])
    expect(woken).to.have.length(2)
  })

  it('goes on counting when a server starts again, and never tells fewer', () => {
    say('a', 'apps/grafana', 10)
    clock.advance(0)
    say('a', 'apps/grafana', 2)
    clock.advance(5 * minute)
    expect(counts('apps/grafana')).to.deep.equal([['SECRET_WRONG', 'Anyone', 12]])
    start()
    say('a', 'apps/grafana', 2)
    clock.advance(5 * minute)
    expect(counts('apps/grafana'), 'another operator leads').to.deep.equal([['SECRET_WRONG', 'Anyone', 12]])
  })

  it('writes five statuses a second, and lets namespaces take turns', () => {
    for (let n = 0; n < 100; n++) say('a', `noisy/c${n}`, 1)
    say('a', 'calm/app', 1)
    clock.advance(2_000)
    expect(woken).to.have.length(11)
    expect(woken.findIndex(({ key }) => key === 'calm/app')).to.be.lessThan(3)
    clock.advance(18_000)
    expect(woken).to.have.length(101)
  })

  it('writes one status in five minutes for one code, however often servers tell it', () => {
    for (let second = 0; second < 299; second++) {
      say('a', 'apps/grafana', 10_000 * (second + 1))
      clock.advance(1_000)
    }
    expect(woken).to.have.length(1)
  })

  it('lets Events tell of what proven clients met, sixty an hour', () => {
    for (let n = 0; n < 70; n++) say('a', `apps/c${n}`, 1, 'SCOPE_NOT_GRANTED', true)
    say('a', 'apps/stranger', 1, 'SCOPE_NOT_GRANTED')
    const announced = () => {
      const keys = [...Array.from({ length: 70 }, (_, n) => `apps/c${n}`), 'apps/stranger']
      return keys.filter((key) => refusals.published(key).announced.length > 0)
    }
    clock.advance(70_000)
    expect(announced()).to.have.length(60)
    expect(announced()).not.to.include('apps/stranger')
  })

  it('says nothing of an hour ago, and begins anew with what comes then', () => {
    say('a', 'apps/grafana', 10)
    clock.advance(0)
    clock.advance(60 * minute)
    expect(describeRefusals(client(), refusals.published('apps/grafana'), clock.now())).to.equal(undefined)
    statuses.delete('apps/grafana')
    say('a', 'apps/grafana', 1)
    clock.advance(1_000)
    expect(counts('apps/grafana')).to.deep.equal([['SECRET_WRONG', 'Anyone', 1]])
  })

  const sayDetail = (uid: string, text: string, sender: number, count = 1) => {
    const lastSeen = timestampFromMs(clock.now())
    const details = [{ text, isOwn: true, sender, lastSeen }]
    const refusals_ = [{ code: 'REDIRECT_URI_NOT_LISTED', byClient: false, details, count: BigInt(count), lastSeen }]
    refusals.record(uid, [create(ClientRefusalsSchema, { namespace: 'apps', name: 'grafana', refusals: refusals_ })])
  }
  const detailsOf = (key: string) => statuses.get(key)?.flatMap(({ details = [] }) => details) ?? []

  it('tells a new detail of a known code at once, and each client again after four seconds at the earliest', () => {
    for (let second = 0; second < 60; second++) {
      sayDetail('a', `https://app.example.com/${second}`, 1 << 16, second + 1)
      clock.advance(1_000)
    }
    expect(woken).to.have.length(16)
    expect(detailsOf('apps/grafana'), 'of one sender the last one').to.deep.equal(['https://app.example.com/59'])
  })

  it('keeps the details of a status when another operator leads, until it has newer ones', () => {
    sayDetail('a', 'https://app.example.com/one', 1 << 16)
    clock.advance(0)
    start()
    sayDetail('a', 'https://app.example.com/two', 2 << 16)
    clock.advance(0)
    expect(detailsOf('apps/grafana')).to.have.members(['https://app.example.com/one', 'https://app.example.com/two'])
    sayDetail('a', 'https://app.example.com/one', 1 << 16, 2)
    for (const other of [3, 4]) sayDetail('b', `https://app.example.com/${other}`, other << 16)
    clock.advance(4_000)
    expect(detailsOf('apps/grafana')).to.have.length(3)
  })

  it('cramps what statuses say, once all of them together have too much', () => {
    const details = Array.from({ length: 3 }, (_, sender) => ({ text: `${sender}`, sender: sender << 16 }))
    const all = Object.keys(refusalKinds).map((code) => ({ code, details, count: 1n }))
    const record = (index: number) => {
      const lastSeen = timestampFromMs(clock.now())
      const seen = all.map((one) => ({ ...one, lastSeen, details: one.details.map((each) => ({ ...each, lastSeen })) }))
      refusals.record('a', [create(ClientRefusalsSchema, { namespace: 'apps', name: `c${index}`, refusals: seen })])
      clock.advance(200)
      return statuses.get(`apps/c${index}`)!
    }
    const told = Array.from({ length: 400 }, (_, index) => record(index))
    const isCramped = (one: OIDCClientStatus['refusals']) =>
      one!.length === 8 && one!.every(({ details: of }) => of!.length === 1)
    expect(told[0]).to.have.length(24)
    expect(told.filter((one) => !isCramped(one))).to.have.length(312)
    clock.advance(60 * minute)
    expect(record(400), 'an hour later there is room again').to.have.length(24)
  })

  it('passes over codes that it does not know, of a later server', () => {
    say('a', 'apps/grafana', 1, 'LATER')
    clock.advance(5 * minute)
    expect(woken).to.deep.equal([])
  })

  it('forgets what is over an hour old, of clients that stay', () => {
    say('a', 'apps/grafana', 1)
    clock.advance(0)
    clock.advance(60 * minute)
    refusals.removeAllBut(() => true)
    expect(refusals.published('apps/grafana').known).to.deep.equal([])
    expect(clock.pending).to.equal(0)
  })

  it('forgets clients that are gone', () => {
    say('a', 'apps/grafana', 1)
    say('a', 'apps/gitea', 1)
    refusals.remove('apps/grafana')
    refusals.removeAllBut(() => false)
    clock.advance(10 * minute)
    expect(woken).to.deep.equal([])
    expect(clock.pending).to.equal(0)
  })
})

describe('describeRefusals', () => {
  const now = Date.parse('2026-01-01T12:00:00Z')
  const known = (
    code: RefusalCode,
    by: 'Client' | 'Anyone',
    ago: number,
    more: Partial<KnownRefusal> = {},
  ): KnownRefusal => ({
    code,
    by,
    details: [],
    count: 1,
    lastSeen: now - ago,
    ...more,
  })
  const anybody: readonly RefusalCode[] = [
    'ACR_NOT_REACHED',
    'ASSERTION_REFUSED',
    'AUDIENCE_NOT_GRANTED',
    'CODE_REFUSED',
    'GRANT_NOT_ALLOWED',
    'ORIGIN_NOT_LISTED',
    'PKCE_MISSING',
    'REQUEST_MALFORMED',
    'SECRET_WRONG',
    'SCOPE_NOT_GRANTED',
  ]

  const codesOf = (all: readonly KnownRefusal[], more: object = {}) =>
    describeRefusals(client(), { known: all, announced: [], ...more }, now)!.map(({ code, by }) => `${by} ${code}`)
  const every = Object.keys(refusalKinds) as RefusalCode[]

  it('has a place for each code: of programs that proved themselves, and of anybody', () => {
    const all = every.flatMap((code) => [known(code, 'Client', 0), known(code, 'Anyone', 0)])
    expect(codesOf(all)).to.have.length(mostRefusals)
  })

  it('tells first what a program met, then what asked for a place of the client, then the newest', () => {
    const detail = { text: 'https://app.example.com/', isOwn: true, sender: 1, lastSeen: now }
    const all = [
      known('GRANT_NOT_ALLOWED', 'Anyone', 1),
      known('REDIRECT_URI_NOT_LISTED', 'Anyone', 50, { details: [detail] }),
      known('SECRET_WRONG', 'Anyone', 0),
      known('SECRET_ENDED', 'Anyone', 200),
      known('SCOPE_NOT_GRANTED', 'Client', 100),
    ]
    expect(codesOf(all)).to.deep.equal([
      'Client SCOPE_NOT_GRANTED',
      'Anyone SECRET_ENDED',
      'Anyone REDIRECT_URI_NOT_LISTED',
      'Anyone SECRET_WRONG',
      'Anyone GRANT_NOT_ALLOWED',
    ])
  })

  it('tells eight where statuses are cramped, and keeps half of the room for proven clients', () => {
    const strangers = anybody.map((code, ago) => known(code, 'Anyone', ago))
    const own = anybody.map((code, ago) => known(code, 'Client', 1_000 + ago))
    const told = (all: KnownRefusal[]) => codesOf(all, { isCramped: true }).map((one) => one.split(' ')[0])
    expect(told(strangers)).to.deep.equal(Array(8).fill('Anyone'))
    expect(told([...own, ...strangers])).to.deep.equal([...Array(4).fill('Client'), ...Array(4).fill('Anyone')])
    expect(told([own[0]!, ...strangers])).to.deep.equal(['Client', ...Array(7).fill('Anyone')])
    expect(told([...own, strangers[0]!])).to.deep.equal([...Array(7).fill('Client'), 'Anyone'])
  })

  it('names the option of the program where a preset knows it', () => {
    const grafana = client({ secret: { presets: ['Grafana'] } })
    const [told] = describeRefusals(grafana, { known: [known('PKCE_MISSING', 'Anyone', 0)], announced: [] }, now)!
    expect(told!.hint).to.match(/GF_AUTH_\w*PKCE/)
  })

  it('has the details of a refusal that has some, each once', () => {
    const details = ['https://a.example', 'https://a.example'].map((text, sender) => ({
      text,
      isOwn: true,
      sender,
      lastSeen: now,
    }))
    const all = [known('REDIRECT_URI_NOT_LISTED', 'Anyone', 0, { details }), known('SECRET_WRONG', 'Client', 0)]
    const told = describeRefusals(client(), { known: all, announced: [] }, now)!
    expect(told.map((one) => one.details)).to.deep.equal([undefined, ['https://a.example']])
  })
})

describe('what the status tells of refusals', () => {
  const told: OIDCClientStatus['refusals'] = [
    { code: 'SECRET_WRONG', by: 'Anyone', count: 1, lastSeen: '2026-11-30T12:00:00Z', hint: 'h' },
    { code: 'CODE_REFUSED', by: 'Client', count: 1, lastSeen: '2026-11-30T12:10:00Z', hint: 'h' },
  ]

  it('has a code when it names it for the same ones', () => {
    expect(tellsRefusal(told, { code: 'SECRET_WRONG', by: 'Anyone' })).to.equal(true)
    expect(tellsRefusal(told, { code: 'SECRET_WRONG', by: 'Client' }), 'of others').to.equal(false)
    expect(tellsRefusal(told, { code: 'PKCE_MISSING', by: 'Anyone' })).to.equal(false)
    expect(tellsRefusal(undefined, { code: 'SECRET_WRONG', by: 'Anyone' })).to.equal(false)
  })

  it('is over first where it was seen longest ago, and never in the past', () => {
    const seenAt = Date.parse('2026-11-30T12:00:00Z')
    expect(refusalsEndIn(told, seenAt + minute)).to.equal(refusalLimits.keptMs - minute)
    expect(refusalsEndIn(told, seenAt + 10 * refusalLimits.keptMs)).to.equal(0)
    expect(refusalsEndIn([], seenAt)).to.equal(undefined)
    expect(refusalsEndIn(undefined, seenAt)).to.equal(undefined)
  })
})
