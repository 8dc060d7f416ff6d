// Every kind of request that somebody can send without proving who they are, and how many rows all tables have.
import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Browser, authorizationUrl, basic, formOf, pkce, send } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { request } from '@nauthera/harness/flows'
import { statement } from '../../src/store/driver/database.ts'

/** A replica with a client of each kind, and a person. */
export async function floodedReplicas(): Promise<ServerReplicas> {
  const replicas = await startReplicas()
  await replicas.serve([
    entry('app.web', configs.web),
    entry('app.spa', configs.spa),
    entry('app.machine', configs.machine),
  ])
  await addPerson(replicas, 'ada')
  return replicas
}

/** @returns the rows of every table of the database, by its name */
export async function countRows(replicas: ServerReplicas): Promise<Record<string, number>> {
  const { audit, database } = replicas.apps[0]!.store
  await audit.flush()
  const names = await database.query<{ name: string }>(
    statement('test-tables', "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"),
  )
  const counts: Record<string, number> = {}
  for (const { name } of names) {
    const rows = await database.query<{ count: string }>(
      statement(`test-count-${name}`, `SELECT count(*) FROM ${name}`),
    )
    counts[name] = Number(rows[0]!.count)
  }
  return counts
}

/** @returns how many rows each table has more; a table that did not grow is left out */
export const growth = (before: Record<string, number>, after: Record<string, number>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(after)
      .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
      .filter(([, more]) => more !== 0),
  )

const spa = {
  client_id: 'app.spa',
  response_type: 'code',
  redirect_uri: configs.spa.redirectUris[0],
  scope: 'openid email',
  state: 'a-state',
  code_challenge: pkce().challenge,
  code_challenge_method: 'S256',
}

/** Sends the n-th request of its kind. */
export type Attack = (replicas: Target, n: number) => Promise<unknown>

const wrong = basic('app.web', 'not-the-secret-of-this-client-but-long')
const token = { grant_type: 'client_credentials' }
const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}): Attack => {
  return (replicas) => send(replicas, { path, form, headers })
}
const get = (path: (replicas: Target) => string): Attack => {
  return (replicas) => send(replicas, { path: path(replicas), headers: { accept: 'text/html' } })
}
const pathOf = (replicas: Target, parameters: Record<string, string>) => {
  const { pathname, search } = new URL(authorizationUrl(replicas.issuer, parameters))
  return pathname + search
}

/** A request of the public client, to be pushed. */
export const pushed = (state: string) => ({ path: '/request', form: { ...spa, state } })

/** Sentence -> request. None of them has a secret, a session or a code. */
export const unauthenticated: Readonly<Record<string, Attack>> = {
  'a token request of a client that nobody knows': (replicas, n) =>
    send(replicas, { path: '/token', form: token, headers: basic(`nobody-${n}`, clientSecret) }),
  'a token request with a wrong secret': post('/token', token, wrong),
  'a token request without any client': post('/token', token),
  'a token request of a public client with a code that it made up': (replicas, n) =>
    send(replicas, {
      path: '/token',
      form: { ...spa, grant_type: 'authorization_code', code: `made-up-${n}`, code_verifier: 'x'.repeat(43) },
    }),
  'a token request with an assertion that is none': (replicas, n) =>
    send(replicas, {
      path: '/token',
      form: {
        ...token,
        client_assertion: `${n}.${n}.${n}`,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
    }),
  'a token request of a public client with a made-up code and a proof of possession': async (replicas, n) =>
    send(replicas, {
      path: '/token',
      form: { ...spa, grant_type: 'authorization_code', code: `made-up-${n}`, code_verifier: 'x'.repeat(43) },
      headers: { dpop: await proof(`${replicas.issuer}/token`) },
    }),
  'an introspection with a wrong secret': post('/introspect', { token: 'x' }, wrong),
  'a revocation with a wrong secret': post('/revoke', { token: 'x' }, wrong),
  'a pushed request with a wrong secret': post('/request', request(pkce()), wrong),
  'a pushed request of a public client': (replicas, n) => send(replicas, pushed(String(n))),
  'a pushed request of a public client with a proof of possession': async (replicas) =>
    send(replicas, { path: '/request', form: spa, headers: { dpop: await proof(`${replicas.issuer}/request`) } }),
  'a pushed request of a public client that begins a sign-in': async (replicas) => {
    const pushed = await send(replicas, { path: '/request', form: spa })
    const requestUri = String(pushed.json()['request_uri'])
    return send(replicas, { path: pathOf(replicas, { client_id: 'app.spa', request_uri: requestUri }) })
  },
  'an authorization request for an address that is not registered': (replicas, n) =>
    send(replicas, { path: pathOf(replicas, { ...spa, redirect_uri: `https://evil.test/${n}` }) }),
  'an authorization request with prompt=none': get((replicas) => pathOf(replicas, { ...spa, prompt: 'none' })),
  'an authorization request that begins a sign-in': get((replicas) => pathOf(replicas, spa)),
  'a sign-in that is cancelled': async (replicas) => {
    const browser = new Browser(replicas)
    const page = await browser.follow(authorizationUrl(replicas.issuer, spa))
    const { action, fields } = formOf(page.body, '/sign-in')
    return browser.open(action.replace('/sign-in', '/cancel'), { form: fields })
  },
  'a form of another site': (replicas, n) =>
    send(replicas, {
      path: `/interaction/${String(n).padStart(21, 'x')}/sign-in`,
      form: { username: 'ada', password: 'x' },
      headers: { origin: 'https://evil.test' },
    }),
  'a userinfo request with a token that is none': (replicas, n) =>
    send(replicas, { path: '/userinfo', headers: { authorization: `Bearer made-up-${n}` } }),
  'a logout without a session': get(() => '/logout'),
  'a path that is not there': (replicas, n) => send(replicas, { path: `/nothing/${n}` }),
}

async function makeHolder() {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { privateKey, jwk: await exportJWK(publicKey) }
}
const holder = makeHolder()

async function proof(htu: string): Promise<string> {
  const { privateKey, jwk } = await holder
  return new SignJWT({ htm: 'POST', htu, iat: Math.floor(Date.now() / 1000), jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .sign(privateKey)
}

/** @param options.from number of the first request; default 0
 *  @param options.atOnce requests that are under way at the same time */
export async function flood(
  attack: Attack,
  replicas: Target,
  options: { from?: number; count: number; atOnce: number },
): Promise<void> {
  const { from = 0, count, atOnce } = options
  let next = from
  const one = async () => {
    while (next < from + count) await attack(replicas, next++)
  }
  await Promise.all(Array.from({ length: atOnce }, one))
}
