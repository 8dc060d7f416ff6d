import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { ClientRefusalsSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { refusalLimits } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { expect } from 'chai'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import { describeRefusals, refusalsEndIn, tellsRefusal } from '../../src/decide/status/refusals.ts'
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
        refusals: [{ code, byClient, detail: 'd', count: BigInt(count), lastSeen }],
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

  it('writes one status a second, and lets namespaces take turns', () => {
    for (let n = 0; n < 100; n++) say('a', `noisy/c${n}`, 1)
    say('a', 'calm/app', 1)
    clock.advance(10_000)
    expect(woken).to.have.length(11)
    expect(woken.findIndex(({ key }) => key === 'calm/app')).to.be.lessThan(3)
    clock.advance(90_000)
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
    expect(announced()).to.have.length(61)
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
  const known = (code: RefusalCode, by: 'Client' | 'Anyone', ago: number, more: object = {}) => ({
    code,
    by,
    detail: '',
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

  it('tells eight at the most, the newest first, and keeps half of the room for proven clients', () => {
    const strangers = anybody.map((code, ago) => known(code, 'Anyone', ago))
    const own = anybody.map((code, ago) => known(code, 'Client', 1_000 + ago))
    const told = (all: ReturnType<typeof known>[]) =>
      describeRefusals(client(), { known: all, announced: [] }, now)!.map(({ by }) => by)
    expect(told(strangers)).to.deep.equal(Array(8).fill('Anyone'))
    expect(told([...own, ...strangers])).to.deep.equal([...Array(4).fill('Anyone'), ...Array(4).fill('Client')])
    expect(told([own[0]!, ...strangers])).to.deep.equal([...Array(7).fill('Anyone'), 'Client'])
    expect(told([...own, strangers[0]!])).to.deep.equal(['Anyone', ...Array(7).fill('Client')])
  })

  it('names the option of the program where a preset knows it', () => {
    const grafana = client({ secret: { presets: ['Grafana'] } })
    const [told] = describeRefusals(grafana, { known: [known('PKCE_MISSING', 'Anyone', 0)], announced: [] }, now)!
    expect(told!.hint).to.match(/GF_AUTH_\w*PKCE/)
  })

  it('has the detail of a refusal that has one', () => {
    const all = [
      { ...known('REDIRECT_URI_NOT_LISTED', 'Anyone', 0), detail: 'https://a.example' },
      known('SECRET_WRONG', 'Client', 0),
    ]
    const details = describeRefusals(client(), { known: all, announced: [] }, now)!.map(
      (one) => 'detail' in one && one.detail,
    )
    expect(details).to.have.members(['https://a.example', false])
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
