import { expect } from 'chai'
import fc from 'fast-check'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { hasCode } from '@nauthera/runtime/coded-error'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createUpstreamMetadata } from '../../../src/login/upstream/metadata.ts'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { createPeople } from '../../../src/store/people/people.ts'
import { alertOf, moveOnOf, startParties, Traveller } from './parties.ts'
import type { Parties } from './parties.ts'
import { startOddProvider } from './provider.ts'
import type { OddProvider } from './provider.ts'

// What a provider says is text of somebody else. It is taken, left out or refused with words: never an error of ours, never stored as it came.

const hostileText = fc.oneof(
  fc.constantFrom(
    'a\u0000b',
    '\ud800',
    'a\udc00b',
    '\u202eevil',
    ' \u200b ',
    '\u001b[2J',
    '',
    'x'.repeat(400),
    'x'.repeat(6000),
    `${'\ufdfa'.repeat(300)}`,
    `${'\ufdfa'.repeat(200)}@example.com`,
    `${'x'.repeat(300)}@example.com`,
    'ada@example.com\u0000',
    'javascript:alert(1)',
    '__proto__',
    "'; DROP TABLE users; --",
  ),
  fc.string({ unit: 'binary', maxLength: 400 }),
)
const hostileValue = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, true, 0, -1, 1e300, 1.5, 2 ** 53, [], {}, { toString: 1 }, [[]], [null]),
  fc.array(hostileText, { maxLength: 3 }),
  fc.dictionary(hostileText, hostileText, { maxKeys: 2 }),
)
const allPeople = statement<{ row: string }>(
  'test-all-people',
  'SELECT u::text || l::text AS row FROM users u JOIN upstream_links l ON l.user_id = u.id',
)

const claimNames = [
  'sub',
  'email',
  'email_verified',
  'preferred_username',
  'nickname',
  'name',
  'given_name',
  'middle_name',
  'locale',
  'zoneinfo',
  'picture',
  'groups',
  'hd',
  'auth_time',
  'amr',
  'acr',
  '_claim_names',
  'hasgroups',
  '__proto__',
] as const

describe('hostile values of another provider', () => {
  let odd: OddProvider
  let bad: OddProvider
  let parties: Parties
  before(async () => {
    odd = await startOddProvider()
    bad = await startOddProvider()
    bad.says.discovery = { authorization_endpoint: 'javascript:alert(1)//' }
    const more = [odd, bad].map(({ issuer }, index) => ({
      id: ['odd', 'bad'][index],
      name: ['Odd', 'Bad'][index],
      issuer,
      clientId: 'down',
      groups: { prefix: `p${index}-` },
    }))
    parties = await startParties({ more })
  })
  after(async () => {
    await parties?.stop()
    await Promise.all([odd.stop(), bad.stop()])
  })

  let subject = 0
  /** Signs in with an ID token and a userinfo that say these. */
  async function arrive(claims: Record<string, unknown>, userinfo: Record<string, unknown> = {}) {
    const person = new Traveller(parties)
    const leaving = await person.submit(await person.begin(), '/upstream/odd', {}, () => true)
    const asked = new URL(moveOnOf(leaving)!)
    odd.nonce = asked.searchParams.get('nonce')!
    Object.assign(odd.says, { claims: { sub: `subject-${++subject}`, ...claims }, userinfo })
    const answer = { code: 'a-code', state: asked.searchParams.get('state')!, iss: odd.issuer }
    return person.go(`${parties.down.issuer}/federation/odd/callback?${new URLSearchParams(answer).toString()}`)
  }
  const everybody = async () =>
    (await createPeople(parties.down.apps[0]!.store).search({ text: '', limit: 200 })).people

  it('L34 are taken, left out or refused with words, and nothing of them is stored as it came', async () => {
    const said = fc.uniqueArray(fc.tuple(fc.constantFrom(...claimNames), hostileValue), {
      selector: ([name]) => name,
      minLength: 1,
      maxLength: 4,
    })
    await fc.assert(
      fc.asyncProperty(said, fc.boolean(), async (values, inUserinfo) => {
        const claims = Object.fromEntries(values)
        const seen = await arrive(inUserinfo ? ('sub' in claims ? { sub: claims['sub'] } : {}) : claims, claims)
        const text = JSON.stringify(claims)
        const isTold = alertOf(seen) !== '' || seen.body.includes('id="linking"')
        if (seen.location === undefined) expect(isTold, `${text}: ${seen.status}`).to.equal(true)
        else expect(seen.location, text).to.match(/code=/)
        expect(parties.down.lines.filter((line) => line.includes('"level":50'))).to.deep.equal([])
      }),
      { numRuns: propertyRuns(100) },
    )
    const rows = await parties.down.apps[0]!.store.database.query(allPeople)
    expect(rows.length).to.be.greaterThan(0)
    for (const { row } of rows)
      expect(row).not.to.match(/\\u(d[89a-f]|00)|[\u0000-\u001f\u202e]|""picture"": ?""javascript|x{1025}/i)
  })

  for (const [what, sub] of [
    ['a NUL', 'a\u0000b'],
    ['5,000 characters', 'x'.repeat(5000)],
    ['half of a character', 'a\ud800'],
    ['nothing that is seen', '\u200b'],
  ])
    it(`L34 a subject with ${what} is nobody`, async () => {
      const before = (await everybody()).length
      const seen = await arrive({ sub })
      expect(alertOf(seen)).to.contain('could not be checked')
      expect(await everybody()).to.have.length(before)
      expect(parties.down.lines.findLast((line) => line.includes('sign-in at a provider'))).to.contain('sub')
    })

  it('L34 an address that runs as a script leads nobody anywhere', async () => {
    const person = new Traveller(parties)
    const seen = await person.submit(await person.begin(), '/upstream/bad', {}, () => true)
    expect(seen.body).not.to.contain('javascript:')
    expect(alertOf(seen)).to.contain('Bad')
    expect(parties.down.lines.findLast((line) => line.includes('authorization_endpoint'))).to.contain('"level":40')
  })
})

describe('hostile metadata of another provider', () => {
  const names = [
    'issuer',
    'authorization_endpoint',
    'token_endpoint',
    'jwks_uri',
    'userinfo_endpoint',
    'end_session_endpoint',
    'token_endpoint_auth_methods_supported',
    'id_token_signing_alg_values_supported',
    'claims_parameter_supported',
    'authorization_response_iss_parameter_supported',
  ]
  const url = fc.constantFrom(
    'javascript:alert(1)',
    'data:text/html,x',
    'http://a.test/',
    'https://u:p@a.test/',
    '//a',
    'https://',
  )
  it('L34 is used and kept only when every address is one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.oneof(url, hostileValue), async (name, value) => {
        const odd = await startOddProvider()
        odd.says.discovery = { [name]: value }
        const cache = createMemoryCache({ now: Date.now })
        const ask = (input: string | URL, init?: RequestInit) =>
          fetch(input, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), connection: 'close' } })
        const needs = { issuer: odd.issuer, plainHttp: true, fetch: ask, cache, log, now: Date.now } as const
        try {
          const { server } = await createUpstreamMetadata(needs).load()
          for (const [key, text] of Object.entries(server))
            if (/_(endpoint|uri)$/.test(key))
              expect(String(text), key).to.match(/^(https:\/\/[^@]+|http:\/\/localhost:\d+\/\w+)$/)
        } catch (error) {
          if (!hasCode(error, 'UPSTREAM_ANSWER_INVALID', 'UPSTREAM_UNAVAILABLE')) throw error
          const [kept] = await cache.get([{ purpose: 'upstream-metadata', id: odd.issuer }])
          expect(kept).to.equal(undefined)
        } finally {
          await odd.stop()
        }
      }),
      { numRuns: propertyRuns(60) },
    )
  })
})
