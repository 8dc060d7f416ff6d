import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { expect } from 'chai'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { JSONWebKeySet } from 'jose'
import { quietLog as quiet } from '@nauthera/harness/kept-log'
import { Secret } from '@nauthera/runtime/secret'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, tokensOf } from '@nauthera/harness/flows'
import type { LocalPod } from '@nauthera/local/product/pod'
import { statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { parseDsn } from '@nauthera/server/store/driver/connection'
import { createDatabase } from '@nauthera/server/store/driver/postgres'
import { statement } from '@nauthera/server/store/driver/database'
import { toldApps } from '../../server/test/oidc/told-app.ts'
import type { ToldApp } from '../../server/test/oidc/told-app.ts'
import { waitFor } from '../../server/test/store/wait-for.ts'
import { namespace } from './support/chain-clients.ts'
import { startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { isAlive, processesOf, signalAll, whoConnectsFrom } from './support/families.ts'
import { requestDeviceCode, callback, person } from './support/load/visits.ts'
import { tell } from './support/tell.ts'

// An application is being told that a session has ended: it has the logout token and has not answered. Then a process is killed.

interface Row {
  readonly tries: number
  readonly isDone: boolean
  /** Another replica may take it. */
  readonly isDue: boolean
}

describe('back-channel logout with three replicas, and a process killed before the application answers', function () {
  this.timeout(300_000)
  let apps: Awaited<ReturnType<typeof toldApps>>
  let app: ToldApp
  let chain: Chain
  let database: Postgres

  before(async () => {
    apps = await toldApps()
    app = await apps.start()
    chain = await startChain({ keep: true, trusts: apps.authority })
    database = chain.stack.database
    const logout = { backchannelURI: app.uri }
    await chain.applyAndWait('told', { type: 'Web', redirectURIs: [callback], scopes: ['openid', 'email'], logout })
  })
  after(async () => {
    await chain?.stop()
    if (database !== chain?.stack.database) await database?.stop()
    await apps?.stop()
  })
  beforeEach(() => {
    app.tokens.length = 0
    app.answer((response) => void response.writeHead(204).end())
  })

  /** Past the servers. */
  async function rows<Found>(text: string, values: readonly unknown[] = []): Promise<Found[]> {
    const connection = { ...parseDsn(new Secret(database.url), 'disable'), poolMax: 1 }
    const open = createDatabase({ connection, log: quiet })
    const name = `test-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
    return open.query<Found>(statement(name, text), values).finally(() => open.stop())
  }
  const rowsAbout = (sid: unknown) =>
    rows<Row>(
      `SELECT tries, done_at IS NOT NULL AS "isDone", next_at <= clock_timestamp() AS "isDue" FROM outbox
       WHERE once_key IN (SELECT 'logout:' || session_uid || ':' || client_uid FROM devices WHERE sid = $1)`,
      [sid],
    )
  const settled = (sid: unknown) =>
    waitFor(async () => ((await rowsAbout(sid)).every(({ isDone }) => isDone) ? undefined : 'the row waits'))

  /** A person who has signed in to the application, in a browser of its own. */
  async function signIn() {
    const browser = new Browser(chain.front)
    const { clientId, clientSecret } = chain.credentials('told')
    const proof = pkce()
    const request = requestDeviceCode(clientId, proof.challenge, { scope: 'openid email' })
    const back = await browser.authorize(authorizationUrl(chain.front.issuer, request), person)
    const code = back.searchParams.get('code')!
    const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: proof.verifier }
    const { sub, sid } = claimsOfJwt(
      tokensOf(await send(chain.front, { path: '/token', headers: basic(clientId, clientSecret), form })).id,
    )
    return { browser, sub, sid }
  }
  async function signOut({ browser }: { browser: Browser }) {
    const page = await browser.submit(await browser.follow('/logout'), '/logout/confirm', { logout: 'yes' })
    expect(page.body).to.include('You are signed out')
  }
  const podThatAsks = ({ socket }: ServerResponse): LocalPod => {
    const { pods } = chain.stack
    const pid = whoConnectsFrom(
      socket!.remotePort!,
      pods.flatMap(({ server }) => server.pid ?? []),
    )
    const pod = pods.find(({ server }) => server.pid === pid)
    if (pid === undefined || pod === undefined) throw new Error('no replica has this connection')
    return pod
  }
  const checked = async (token: string) => {
    const keys = createLocalJWKSet((await send(chain.front, { path: '/jwks' })).json() as unknown as JSONWebKeySet)
    const expected = { issuer: chain.front.issuer, audience: chain.credentials('told').clientId, typ: 'logout+jwt' }
    return (await jwtVerify(token, keys, expected)).payload
  }

  it('A4 a code with neither PKCE nor a nonce works, and the object says so', async () => {
    const { clientId, clientSecret } = chain.credentials('told')
    const request = { client_id: clientId, redirect_uri: callback, response_type: 'code', scope: 'openid' }
    const back = await new Browser(chain.front).authorize(authorizationUrl(chain.front.issuer, request), person)
    const form = { grant_type: 'authorization_code', code: back.searchParams.get('code')!, redirect_uri: callback }
    const answer = await send(chain.front, { path: '/token', headers: basic(clientId, clientSecret), form })
    expect(answer.status).to.equal(200)
    await waitForObject(chain.stack.api, 'oidcclients', { namespace, name: 'told' }, (object) =>
      (statusOf(object)?.conditions ?? []).some(({ reason }) => reason === 'NeitherPKCENorNonce'),
    )
  })

  it('I1 F19 the server that sends: another replica sends a new token, and nothing is sent again after its answer', async () => {
    const [before, person] = [await signIn(), await signIn()]
    await signOut(before)
    await app.got(1)
    await settled(before.sid)

    const senders: LocalPod[] = []
    let ended: Promise<void> | undefined
    app.answer((response) => {
      senders.push(podThatAsks(response))
      if (senders.length > 1) return void response.writeHead(204).end()
      ended = senders[0]!.server.ended
      senders[0]!.server.kill('SIGKILL')
    })
    // where the same replica still writes the page, its answer is lost
    await signOut(person).catch(() => undefined)
    await app.got(2)
    await ended
    expect(await rowsAbout(person.sid)).to.deep.equal([{ tries: 1, isDone: false, isDue: false }])
    // as if the minute was over for which the dead one had the row
    await rows('UPDATE outbox SET next_at = clock_timestamp() WHERE done_at IS NULL')
    const from = performance.now()
    await settled(person.sid)
    tell('I1', { killed: senders[0]!.name, sentAgainBy: senders[1]!.name, tookMs: performance.now() - from })

    expect(senders).to.have.length(2)
    expect(senders[1]!.name, 'another replica').to.not.equal(senders[0]!.name)
    const tokens = await Promise.all(app.tokens.map(checked))
    expect(tokens.map(({ sub, sid }) => ({ sub, sid }))).to.deep.equal(
      [before, person, person].map(({ sub, sid }) => ({ sub, sid })),
    )
    expect(new Set(tokens.map(({ jti }) => jti)).size, 'each token has a jti of its own').to.equal(3)
    const [ofBefore, ofPerson] = [await rowsAbout(before.sid), await rowsAbout(person.sid)]
    expect([ofBefore, ofPerson].map((all) => all.map(({ tries }) => tries))).to.deep.equal([[1], [2]])

    // the dead one is back, and takes work again: that is all it finds
    await senders[0]!.whenReady()
    const later = await signIn()
    await signOut(later)
    await app.got(4)
    await settled(later.sid)
    expect(app.tokens.map((token) => claimsOfJwt(token)['sid'])).to.deep.equal(
      [before, person, person, later].map(({ sid }) => sid),
    )
  })

  it('I1 PostgreSQL: the answer is marked when it is back, and no second token is sent', async () => {
    const person = await signIn()
    const family = processesOf(database.pid)
    app.answer((response) => {
      if (app.tokens.length === 1) signalAll([...new Set([...family, ...processesOf(database.pid)])], 'SIGKILL')
      response.writeHead(200).end()
    })
    const left = signOut(person).catch(() => undefined)
    await app.got(1)
    const from = performance.now()
    await waitFor(async () => (family.some(isAlive) ? 'PostgreSQL still runs' : undefined))
    database = await startPostgres({ directory: join(chain.directory, 'postgres'), port: database.port })
    const backMs = performance.now() - from
    await Promise.all([left, settled(person.sid)])
    tell('I1', { backMs, markedMs: performance.now() - from })
    expect((await rowsAbout(person.sid)).map(({ tries }) => tries)).to.deep.equal([1])
    expect(app.tokens.map((token) => claimsOfJwt(token)['sid'])).to.deep.equal([person.sid])
  })
})
