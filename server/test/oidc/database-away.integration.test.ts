import { expect } from 'chai'
import dns from 'node:dns'
import { createServer, connect } from 'node:net'
import type { Server, Socket } from 'node:net'
import { mock } from 'node:test'
import { Browser, authorizationUrl, basic, formOf, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { fetchCode, fetchTokens, introspect, redeem, refresh, request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { freePort } from '@nauthera/local/processes/ports'
import { watchOwnTime } from '@nauthera/local/processes/stretch'

/** A proxy to PostgreSQL that can be cut: new connections are refused, open ones are closed. */
async function startProxy(target: { host: string; port: number }) {
  const sockets = new Set<Socket>()
  const accept = (incoming: Socket) => {
    const outgoing = connect(target)
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        sockets.delete(socket)
        incoming.destroy()
        outgoing.destroy()
      })
    }
    incoming.pipe(outgoing).pipe(incoming)
  }
  let server: Server | undefined
  // one that nobody else gets while it is cut
  const port = await freePort()
  const mend = () =>
    new Promise<void>((resolve) => {
      server = createServer(accept).listen(port, '127.0.0.1', resolve)
    })
  const close = () =>
    new Promise<void>((resolve) => {
      server?.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  await mend()
  return { port, cut: close, mend, stop: close }
}

/** Asks again while the answer is 503, for 5 s. */
async function untilServed(ask: () => Promise<Answer>): Promise<Answer> {
  const elapsed = watchOwnTime()
  let answer = await ask()
  while (answer.status === 503 && elapsed() < 5_000) answer = await ask()
  return answer
}

describe('F1 while the database does not answer', () => {
  let replicas: ServerReplicas
  let proxy: Awaited<ReturnType<typeof startProxy>>
  before(async () => {
    replicas = await startReplicas({
      patience: 1,
      databaseUrl: async (url) => {
        const { hostname, port } = new URL(url)
        proxy = await startProxy({ host: hostname, port: Number(port) })
        const through = new URL(url)
        through.port = String(proxy.port)
        return through.href
      },
    })
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.machine', configs.machine),
      entry('app.opaque', { ...configs.machine, audiences: [] }),
    ])
    await addPerson(replicas, 'ada')
  })
  after(async () => {
    await replicas.stop()
    await proxy.stop()
  })

  it('requests that need no database succeed, the others get 503 with Retry-After, and later all work again by themselves', async () => {
    const tokens = await fetchTokens(replicas)
    const code = await fetchCode(replicas)
    const browser = new Browser(replicas)
    const signInPage = await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))
    await proxy.cut()

    const form = { grant_type: 'client_credentials' }
    for (let n = 0; n < 10; n++) {
      for (const ask of [
        { path: '/.well-known/openid-configuration' },
        { path: '/jwks' },
        { path: '/token', form, headers: basic('app.machine', clientSecret) },
        { path: '/token', form, headers: basic('app.opaque', clientSecret) },
      ]) {
        expect((await send(replicas, ask)).status).to.equal(200)
      }
    }
    expect((await send(replicas, { path: '/token', form, headers: basic('app.machine', 'wrong') })).status).to.equal(
      401,
    )
    // a person who is not signed in yet gets the page: it needs no database
    expect((await new Browser(replicas).follow(authorizationUrl(replicas.issuer, request(pkce())))).body).to.contain(
      'id="password"',
    )

    const me = { path: '/userinfo', headers: { authorization: `Bearer ${tokens.access}` } }
    for (const answer of [
      await redeem(replicas, code),
      await refresh(replicas, tokens.refresh),
      await introspect(replicas, tokens.access),
      await send(replicas, me),
    ]) {
      expect(answer.status, answer.body).to.equal(503)
      expect(answer.headers['retry-after']).to.equal('2')
      expect(answer.json()['error']).to.equal('temporarily_unavailable')
    }
    const silent = await code.browser.open(authorizationUrl(replicas.issuer, request(pkce())))
    expect(silent.status).to.equal(503)
    expect(silent.headers['retry-after']).to.equal('2')
    expect(silent.headers['content-type']).to.match(/text\/html/)
    // the page that asks whether to sign out needs no database; the sign-out itself does
    const asked = await code.browser.open('/logout')
    expect(asked.status).to.equal(200)
    expect(asked.body).to.contain('id="logout-confirm"')
    const { action, fields } = formOf(asked.body, '/logout/confirm')
    const cookie = [...code.browser.jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')
    for (const accept of ['text/html', 'application/json']) {
      const headers = { accept, cookie, origin: new URL(replicas.issuer).origin }
      const left = await send(replicas, {
        path: new URL(action, replicas.issuer).pathname,
        form: { ...fields, logout: 'yes' },
        headers,
      })
      expect(left.status, accept).to.equal(503)
      expect(left.headers['retry-after'], accept).to.equal('2')
    }
    const signIn = await browser.submit(signInPage, '/sign-in', {
      username: 'ada',
      password: 'correct horse battery staple',
    })
    expect(signIn.status).to.equal(503)
    expect(replicas.health[0]!.missing()).to.not.have.property('keys')

    await proxy.mend()
    const answer = await untilServed(() => redeem(replicas, code))
    expect(answer.status, answer.body).to.equal(200)
    expect((await refresh(replicas, tokens.refresh)).status).to.equal(200)
    expect(
      (await browser.submit(signInPage, '/sign-in', { username: 'ada', password: 'correct horse battery staple' }))
        .location,
    ).to.contain('code=')
  })
})

describe('F26 while the name of the database cannot be resolved', () => {
  const name = 'database.test'
  let replicas: ServerReplicas
  let proxy: Awaited<ReturnType<typeof startProxy>>
  let isKnown = true
  type Answer = (error: Error | null, address?: unknown, family?: number) => void
  const real = dns.lookup as (host: string, options: object, answer: Answer) => void
  before(async () => {
    // the resolver of the machine, for whoever connects from this process
    mock.method(dns, 'lookup', (host: string, options: { all?: boolean }, answer: Answer) => {
      if (host !== name) return real(host, options, answer)
      const found = options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1'
      const missing = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
      return process.nextTick(() => (isKnown ? answer(null, found, 4) : answer(missing)))
    })
    replicas = await startReplicas({
      patience: 1,
      databaseUrl: async (url) => {
        const { hostname, port } = new URL(url)
        proxy = await startProxy({ host: hostname, port: Number(port) })
        const through = new URL(url)
        through.host = `${name}:${proxy.port}`
        return through.href
      },
    })
    await replicas.serve([entry('app.web', configs.web), entry('app.machine', configs.machine)])
    await addPerson(replicas, 'ada')
  })
  after(async () => {
    await replicas?.stop()
    await proxy?.stop()
    mock.restoreAll()
  })

  it('what needs no database goes on, the rest is 503 at once, and all works again by itself', async () => {
    const { access } = await fetchTokens(replicas)
    isKnown = false
    await proxy.cut()
    await proxy.mend()
    const elapsed = watchOwnTime()
    const machine = {
      path: '/token',
      form: { grant_type: 'client_credentials' },
      headers: basic('app.machine', clientSecret),
    }
    expect((await send(replicas, machine)).status).to.equal(200)
    const looked = await introspect(replicas, access)
    expect([looked.status, looked.headers['retry-after']]).to.deep.equal([503, '2'])
    expect(elapsed()).to.be.below(3_000)
    expect(replicas.health[0]!.missing()).to.not.have.property('keys')
    isKnown = true
    const answer = await untilServed(() => introspect(replicas, access))
    expect(answer.json()['active'], answer.body).to.equal(true)
  })
})
