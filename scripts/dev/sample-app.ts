// A web application as a developer would write it: openid-client, one mounted Secret, no other configuration. The Secret is read
// again at each use, so that a rotation needs no restart; the page shows that while it happens.
//   node scripts/dev/sample-app.ts --port 3000 --secret DIRECTORY [--host 0.0.0.0] [--tls DIRECTORY] [--rotate COMMAND]
// With --tls it speaks HTTPS, with tls.crt and tls.key of that directory. --rotate: what the page says to type for a rotation.
import { existsSync, readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import express from 'express'
import type { NextFunction, Request, Response } from 'express'
import * as client from 'openid-client'
import { readLogoutToken } from './sample-app/logout-token.ts'
import { createMountedClient } from './sample-app/mounted-client.ts'
import type { MountedClient } from './sample-app/mounted-client.ts'
import { renderFailed, renderHome, renderWaiting } from './sample-app/pages.ts'
import type { SamplePerson } from './sample-app/pages.ts'
import { SecretInUse } from './sample-app/secret-in-use.ts'
import { Sessions } from './sample-app/sessions.ts'

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '3000' },
    secret: { type: 'string' },
    tls: { type: 'string' },
    rotate: { type: 'string' },
  },
})
if (values.secret === undefined) throw new Error('--secret DIRECTORY: where the Secret of the client is mounted')
const { tls, rotate } = values
const mounted: MountedClient = createMountedClient(values.secret)
const secretInUse = new SecretInUse(mounted)
const sessions = new Sessions()

const app = express()
app.disable('x-powered-by')
app.use(express.urlencoded({ extended: false }))
app.use((_request, response, next) => {
  response.set({
    'content-security-policy':
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
  next()
})

const assets = fileURLToPath(new URL('sample-app/', import.meta.url))
const beside = join(assets, 'style.css')
/** Of the product's pages: this application looks as they do. */
const productStyle = existsSync(beside)
  ? beside
  : fileURLToPath(new URL('../../server/assets/style.css', import.meta.url))
const style = readFileSync(productStyle, 'utf8') + readFileSync(join(assets, 'app.css'), 'utf8')
const script = readFileSync(join(assets, 'live.js'), 'utf8')
app.get('/style.css', (_request, response) => void response.type('css').send(style))
app.get('/live.js', (_request, response) => void response.type('js').send(script))

app.get('/', async (request, response) => {
  const { signedIn, notice } = sessions.of(request, response).takeNotice()
  if (!(await mounted.isThere())) return waiting(response)
  // one request, so that the numbers are true without JavaScript too
  await secretInUse.ask()
  response.send(renderHome({ signedIn, notice, secret: secretInUse.state, rotate, clientId: await mounted.clientId() }))
})

/** What the page shows while it is open: the secret in use and the requests with it, as server-sent events. */
app.get('/live', (request, response) => {
  response.set({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }).flushHeaders()
  const stop = secretInUse.watch((state) => void response.write(`data: ${JSON.stringify(state)}\n\n`))
  request.once('close', stop)
})

app.get('/login', (request, response) => leave(request, response, {}))

/** As RFC 9470 has it: an API has answered insufficient_user_authentication, and said which acr it wants. */
app.post('/step-up', (request, response) => leave(request, response, { acr_values: 'urn:nauthera:mfa' }))

/** To the sign-in page. @param more parameters of the request */
async function leave(request: Request, response: Response, more: Record<string, string>): Promise<void> {
  const configuration = await mounted.configuration()
  if (!configuration) return waiting(response)
  const session = sessions.of(request, response)
  const pending = {
    state: client.randomState(),
    nonce: client.randomNonce(),
    verifier: client.randomPKCECodeVerifier(),
  }
  session.pending = pending
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: `${originOf(request)}/callback`,
    scope: (await mounted.scopes()) ?? 'openid profile email',
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    ...more,
  })
  response.redirect(303, url.href)
}

app.get('/callback', async (request, response) => {
  const configuration = await mounted.configuration()
  if (!configuration) return waiting(response)
  const session = sessions.of(request, response)
  if (!session.pending) return response.redirect('/login')
  const { state, nonce, verifier } = session.pending
  delete session.pending
  const tokens = await client.authorizationCodeGrant(configuration, new URL(request.originalUrl, originOf(request)), {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: verifier,
    idTokenExpected: true,
  })
  const claims = tokens.claims()!
  const userinfo = await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)
  const sid = typeof claims['sid'] === 'string' ? claims['sid'] : undefined
  session.signedIn = {
    claims: { sub: claims.sub, sid },
    tokens: keep(tokens),
    userinfo: { ...userinfo },
    userinfoAt: Date.now(),
  }
  response.redirect('/')
})

app.post('/refresh', signedIn, async (request, response) => {
  const session = sessions.of(request, response)
  const configuration = await mounted.configuration()
  const before = session.signedIn!
  if (!configuration || before.tokens.refresh === undefined) return response.redirect(303, '/')
  const tokens = keep(await client.refreshTokenGrant(configuration, before.tokens.refresh))
  session.signedIn = { ...before, tokens: { ...tokens, id: tokens.id ?? before.tokens.id } }
  session.notice = `New tokens since ${time(Date.now())}; the old refresh token is used up.`
  response.redirect(303, '/#tokens')
})

app.post('/userinfo', signedIn, async (request, response) => {
  const session = sessions.of(request, response)
  const configuration = await mounted.configuration()
  const { claims, tokens, userinfo } = session.signedIn!
  if (!configuration) return response.redirect(303, '/')
  const asked = await client.fetchUserInfo(configuration, tokens.access, String(userinfo['sub']))
  session.signedIn = { claims, tokens, userinfo: { ...asked }, userinfoAt: Date.now() }
  session.notice = `Userinfo was asked at ${time(Date.now())}.`
  response.redirect(303, '/#userinfo')
})

app.post('/logout', async (request, response) => {
  const session = sessions.of(request, response)
  const idToken = session.signedIn?.tokens.id
  delete session.signedIn
  const configuration = await mounted.configuration()
  if (!configuration || !idToken) return response.redirect(303, '/')
  const url = client.buildEndSessionUrl(configuration, {
    id_token_hint: idToken,
    post_logout_redirect_uri: `${originOf(request)}/`,
  })
  response.redirect(303, url.href)
})

/** The server says that a session has ended. The answer is the one that the standard has for each case. */
app.post('/backchannel-logout', async (request, response) => {
  const configuration = await mounted.configuration()
  if (!configuration) return waiting(response)
  const form = request.body as { logout_token?: unknown } | undefined
  const ended = await readLogoutToken(form?.logout_token, configuration).catch((error: unknown) => String(error))
  if (typeof ended === 'string')
    return void response.status(400).json({ error: 'invalid_request', error_description: ended })
  sessions.end(ended)
  response.status(204).end()
})

app.use(
  (
    error: Error & { error?: string; error_description?: string },
    _request: Request,
    response: Response,
    _next: NextFunction,
  ) => {
    const reason = [error.error, error.error_description ?? error.message].filter(Boolean).join(': ')
    response.status(502).send(renderFailed(reason))
  },
)

function signedIn(request: Request, response: Response, next: NextFunction): void {
  if (sessions.of(request, response).signedIn) return next()
  response.redirect(303, '/')
}

function originOf(request: Request): string {
  return `${tls === undefined ? 'http' : 'https'}://${request.get('host')}`
}

function keep(tokens: client.TokenEndpointResponse): SamplePerson['tokens'] {
  return { id: tokens.id_token, access: tokens.access_token, refresh: tokens.refresh_token, scope: tokens.scope }
}

function time(at: number): string {
  return `${new Date(at).toISOString().slice(11, 19)} UTC`
}

function waiting(response: Response): void {
  response.status(503).set('retry-after', '1').send(renderWaiting())
}

const server =
  tls === undefined
    ? createHttpServer(app)
    : createHttpsServer({ cert: readFileSync(join(tls, 'tls.crt')), key: readFileSync(join(tls, 'tls.key')) }, app)
server.once('error', (error: NodeJS.ErrnoException) => {
  const taken = error.code === 'EADDRINUSE'
  process.stderr.write(
    taken ? `port ${values.port} is in use: end the program that has it, such as npm run dev\n` : `${error.message}\n`,
  )
  process.exit(1)
})
server.listen(Number(values.port), values.host, () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`listening on ${tls === undefined ? 'http' : 'https'}://localhost:${port}\n`)
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    secretInUse.stop()
    server.close()
    server.closeAllConnections()
  })
}
