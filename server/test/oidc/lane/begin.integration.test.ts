import { expect } from 'chai'
import fc from 'fast-check'
import { Browser, pkce } from '@nauthera/harness/browser'
import { getCode, redeem, request, tokensOf } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { ask, closeConnections, expectSameLines, idOf, linesById } from './asked-twice.ts'
import type { Got } from './asked-twice.ts'

// Authorization requests in the machine lane against the library. An Accept with a weight means the same here, and the lane never takes it.

const { web } = configs
const clients = [
  entry('app.web', web),
  entry('app.online', { ...web, grantTypes: ['authorization_code'] }),
  entry('app.pushed', { ...web, requirePushedAuthorizationRequests: true }),
  entry('app.signed', { ...web, requireSignedRequestObject: true }),
  entry('app.modes', { ...web, responseModes: ['query'] }),
  entry('app.aged', { ...web, defaultMaxAge: 60 }),
  entry('app.few', { ...web, scopes: ['openid'] }),
  entry('app.public', configs.spa),
  entry('app.machine', configs.machine),
]
type Fields = Readonly<Record<string, string>>

/** What has to be the same: of what is encrypted its length, and of what is new each time its form. */
function comparable({ status, headers, body }: Got): unknown {
  const { date: _date, 'x-correlation-id': id, ...others } = headers
  const text = JSON.stringify({ status, body, headers: others })
  return JSON.parse(
    text
      .replaceAll(String(id), 'the id')
      .replaceAll(/(?<=nauthera_i_)[\w-]{43}/g, 'uid')
      .replaceAll(/(?<==)eyJ[\w.-]+/g, ({ length }) => `encrypted ${length}`)
      .replaceAll(/(?<=[=/])[\w-]{43}/g, 'uid')
      .replaceAll(/expires=[^;"]+/g, 'expires=soon')
      // a second may pass between two looks at the clock
      .replaceAll(/Max-Age=3(?:599|600)/g, 'Max-Age=an hour'),
  )
}

describe('the machine lane: the begin of a sign-in', function () {
  this.timeout(propertyRuns(120_000))
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve(clients)
    await addPerson(replicas, 'ada')
  })
  after(async () => {
    closeConnections()
    await replicas.stop()
  })

  const inLane = (got: Got) => (linesById(replicas.lines).get(idOf(got)) ?? []).some(({ lane }) => lane === true)
  const query = (fields: Fields) => new URLSearchParams(fields).toString()
  const usual = () => request(pkce(), { nonce: 'n-1' })

  /** @returns both answers, after both are known to be the same */
  async function askTwice(text: string, headers: Fields = {}): Promise<readonly [Got, Got]> {
    const asked = { method: 'GET', path: `/authorize?${text}`, body: '' }
    const mine = await ask(replicas, { ...asked, headers: { accept: 'text/html', ...headers } }, 'whole')
    const theirs = await ask(replicas, { ...asked, headers: { accept: 'text/html;q=1', ...headers } }, 'whole')
    expect(comparable(mine), text).to.deep.equal(comparable(theirs))
    expect(inLane(theirs)).to.equal(false)
    return [mine, theirs]
  }

  for (const clientId of ['app.web', 'app.online', 'app.few', 'app.public'])
    it(`leads to the pages as the library does: ${clientId}`, async () => {
      const back = clientId === 'app.public' ? configs.spa.redirectUris![0]! : redirectUri
      const [mine] = await askTwice(query({ ...usual(), client_id: clientId, scope: 'openid', redirect_uri: back }))
      expect([mine.status, inLane(mine)]).to.deep.equal([303, true])
    })

  it('begins a sign-in that ends with tokens, with and without offline_access', async () => {
    for (const scope of ['openid email', 'openid email offline_access']) {
      const tokens = tokensOf(await redeem(replicas, await getCode(replicas, { parameters: { scope, nonce: 'n' } })))
      expect(tokens.refresh).to.be.a('string')
    }
    const lines = replicas.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.some(({ route, lane }) => route === '/authorize' && lane === true)).to.equal(true)
  })

  it('hands over a browser in which somebody is signed in', async () => {
    const browser = new Browser(replicas)
    await getCode(replicas, { browser })
    const before = replicas.lines.length
    await getCode(replicas, { browser })
    const lines = replicas.lines.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.filter(({ route }) => route === '/authorize').map(({ lane }) => lane)).to.deep.equal([undefined])
  })

  const other = 'https://app.example.com/other'
  const handed: readonly [string, Fields][] = [
    ['an unknown client', { client_id: 'app.unknown' }],
    ['a client without codes', { client_id: 'app.machine' }],
    ['a client that pushes its requests', { client_id: 'app.pushed' }],
    ['a client that signs its requests', { client_id: 'app.signed' }],
    ['a client with response modes', { client_id: 'app.modes' }],
    ['a client that wants fresh sign-ins', { client_id: 'app.aged' }],
    ['a redirect URI that is not registered', { redirect_uri: other }],
    ['a redirect URI that only begins like one', { redirect_uri: `${redirectUri}/more` }],
    ['a redirect URI with a query', { redirect_uri: `${redirectUri}?x=1` }],
    ['another response type', { response_type: 'token' }],
    ['a response mode', { response_mode: 'query' }],
    ['a plain challenge', { code_challenge_method: 'plain' }],
    ['a short challenge', { code_challenge: 'x' }],
    ['no challenge', { code_challenge: '' }],
    ['a scope that nobody knows', { scope: 'openid x' }],
    ['a scope twice', { scope: 'openid openid' }],
    ['a scope that the client may not have', { client_id: 'app.few', scope: 'openid email' }],
    ['no openid', { scope: 'email' }],
    ['offline_access without refresh tokens', { client_id: 'app.online', scope: 'openid offline_access' }],
    ['a prompt', { prompt: 'none' }],
    ['a login hint', { login_hint: 'ada' }],
    ['max_age', { max_age: '0' }],
    ['an API', { resource: 'https://api.example.com' }],
    ['a request object', { request: 'e30.e30.x' }],
    ['a pushed request', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }],
  ]
  for (const [what, fields] of handed)
    it(`hands over ${what}`, async () => {
      const [mine] = await askTwice(query({ ...usual(), ...fields }))
      expect(inLane(mine)).to.equal(false)
    })

  it('answers requests, good, bad and odd, as the library does', async () => {
    const count = propertyRuns(300)
    const samples = fc.sample(anyQuery, { numRuns: count, seed: 13 })
    const proof = pkce()
    const pairs: (readonly [Got, Got])[] = []
    for (const { fields, more, cookie } of samples) {
      const text = query({ ...request(proof, { nonce: 'n-1' }), ...fields }) + more
      pairs.push(await askTwice(text, cookie === '' ? {} : { cookie }))
    }
    const taken = expectSameLines(pairs, replicas)
    expect(taken.length).to.be.greaterThan(count * 0.3)
    expect(taken.length).to.be.lessThan(count * 0.9)
  })
})

const rarely = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...others) })

const anyQuery = fc
  .record({
    client: rarely('app.web', 'app.few', 'app.public', 'app.online', 'app.pushed', 'app.unknown', ''),
    scope: rarely(
      'openid',
      'openid email',
      'openid offline_access',
      'openid email profile',
      'openid x',
      '',
      ' openid',
      'email',
    ),
    state: rarely('a-state', '', 'with space', 'ä', 'a&b=c', '<b>'),
    nonce: rarely('n-1', '', 'x'.repeat(200)),
    redirect: rarely(redirectUri, `${redirectUri}/`, redirectUri.toUpperCase(), ''),
    more: rarely('', '&state=again', '&prompt=login', '&unknown=x', '&', '&scope', '#x', '&ui_locales=de'),
    cookie: rarely('', 'a=b', 'nauthera_session=x', 'nauthera_begun=x'),
  })
  .map(({ client, scope, state, nonce, redirect, more, cookie }) => ({
    fields: { client_id: client, scope, state, nonce, redirect_uri: redirect },
    more,
    cookie,
  }))
