// A web application as a developer would write it: openid-client, one mounted Secret, no other configuration. The Secret is read
// again at each sign-in, so that a rotation needs no restart.
//   node scripts/dev/sample-app.ts --port 3000 --secret DIRECTORY [--host 0.0.0.0] [--tls DIRECTORY]
// With --tls it speaks HTTPS, with tls.crt and tls.key of that directory.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import express from 'express'
import type { Request, Response } from 'express'
import * as client from 'openid-client'

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '3000' },
    secret: { type: 'string' },
    tls: { type: 'string' },
  },
})
if (values.secret === undefined) throw new Error('--secret DIRECTORY: where the Secret of the client is mounted')
const secretDirectory = values.secret

interface Session {
  pending?: { state: string; nonce: string; verifier: string }
  signedIn?: { idToken: string; claims: Record<string, unknown>; userinfo: Record<string, unknown> }
}

const cookieName = 'sample_session'
const maxSessions = 1_000
const sessions = new Map<string, Session>()

/** @returns the configuration from the Secret as it is now; undefined while there is none */
async function readClient(): Promise<client.Configuration | undefined> {
  const read = (key: string) => readFile(join(secretDirectory, key), 'utf8').catch(() => undefined)
  const [id, secret, issuer] = await Promise.all([read('client_id'), read('client_secret'), read('issuer')])
  if (id === undefined || issuer === undefined) return undefined
  const authentication = secret === undefined ? client.None() : client.ClientSecretBasic(secret)
  // loopback http is for development only; elsewhere openid-client insists on https
  const execute = issuer.startsWith('http:') ? [client.allowInsecureRequests] : []
  return client.discovery(new URL(issuer), id, undefined, authentication, { execute })
}

const app = express()
app.disable('x-powered-by')
app.use(express.urlencoded({ extended: false }))
app.use((_request, response, next) => {
  response.set({
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
  })
  next()
})

app.get('/', (request, response) => {
  const { signedIn } = sessionOf(request, response)
  response.send(
    signedIn
      ? signedInPage(signedIn)
      : page('Sample application', '<p>Nobody is signed in.</p><p><a href="/login">Sign in</a></p>'),
  )
})

app.get('/login', async (request, response) => {
  const configuration = await readClient()
  if (!configuration) return waitingPage(response)
  const session = sessionOf(request, response)
  session.pending = {
    state: client.randomState(),
    nonce: client.randomNonce(),
    verifier: client.randomPKCECodeVerifier(),
  }
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: `${originOf(request)}/callback`,
    scope: 'openid profile email',
    state: session.pending.state,
    nonce: session.pending.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(session.pending.verifier),
    code_challenge_method: 'S256',
  })
  response.redirect(url.href)
})

app.get('/callback', async (request, response) => {
  const configuration = await readClient()
  if (!configuration) return waitingPage(response)
  const session = sessionOf(request, response)
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
  session.signedIn = { idToken: tokens.id_token!, claims: { ...claims }, userinfo: { ...userinfo } }
  response.redirect('/')
})

app.post('/logout', async (request, response) => {
  const session = sessionOf(request, response)
  const idToken = session.signedIn?.idToken
  delete session.signedIn
  const configuration = await readClient()
  if (!configuration || !idToken) return response.redirect('/')
  const url = client.buildEndSessionUrl(configuration, {
    id_token_hint: idToken,
    post_logout_redirect_uri: `${originOf(request)}/`,
  })
  response.redirect(303, url.href)
})

app.use(
  (
    error: Error & { error?: string; error_description?: string },
    _request: Request,
    response: Response,
    _next: unknown,
  ) => {
    const reason = [error.error, error.error_description ?? error.message].filter(Boolean).join(': ')
    response.status(502).send(page('Sign-in failed', `<p>${escape(reason)}</p><p><a href="/">Back</a></p>`))
  },
)

const { tls } = values
const originOf = (request: Request): string => `${tls === undefined ? 'http' : 'https'}://${request.get('host')}`

function sessionOf(request: Request, response: Response): Session {
  const cookie = /(?:^|; )sample_session=([0-9a-f-]{36})/.exec(request.get('cookie') ?? '')?.[1]
  const known = cookie === undefined ? undefined : sessions.get(cookie)
  if (known) return known
  const id = randomUUID()
  const session: Session = {}
  sessions.set(id, session)
  if (sessions.size > maxSessions) sessions.delete(sessions.keys().next().value!)
  response.cookie(cookieName, id, { httpOnly: true, sameSite: 'lax' })
  return session
}

function signedInPage({ claims, userinfo }: NonNullable<Session['signedIn']>): string {
  const rows = Object.entries({ ...userinfo, ...claims }).map(
    ([name, value]) =>
      `<tr><th scope="row">${escape(name)}</th><td>${escape(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`,
  )
  const name = String(userinfo['name'] ?? userinfo['preferred_username'] ?? claims['sub'])
  const table = `<table><caption>Claims</caption>${rows.join('')}</table>`
  return page(
    'Sample application',
    `<p>Signed in as <strong id="name">${escape(name)}</strong>.</p>${table}<form method="post" action="/logout"><button>Sign out</button></form>`,
  )
}

function waitingPage(response: Response): void {
  const text =
    'The Secret of this application is not there yet: <code>kubectl apply -f examples/clients/web.yaml</code>'
  response
    .status(503)
    .set('retry-after', '1')
    .send(page('Waiting', `<p>${text}</p><p><a href="/login">Try again</a></p>`))
}

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}th{text-align:left;padding-right:1rem;vertical-align:top}td{overflow-wrap:anywhere}caption{text-align:left;font-weight:600}</style>
<h1>${escape(title)}</h1>${body}</html>
`

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const server =
  tls === undefined
    ? createHttpServer(app)
    : createHttpsServer({ cert: readFileSync(join(tls, 'tls.crt')), key: readFileSync(join(tls, 'tls.key')) }, app)
server.listen(Number(values.port), values.host, () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`listening on ${tls === undefined ? 'http' : 'https'}://localhost:${port}\n`)
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}
