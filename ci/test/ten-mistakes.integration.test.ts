import { randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { Browser, authorizationUrl, basic, password, pkce, send } from '@nauthera/harness/browser'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { root } from '@nauthera/local/processes/program'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { refusalKinds } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { createChainClients, namespace } from '../faults/support/chain-clients.ts'
import type { ChainClients } from '../faults/support/chain-clients.ts'
import { kubectlGives, runPlugin } from '../../operator/test/kubectl/plugin.ts'

// Ten mistakes of developers, made at a real server: how long until the object says the cause, and what `why` makes of it.

const person = { name: 'quinn-canary', email: 'quinn-canary@people.example', words: 'Quinn Canary' }
/** Where a request has a secret of its own: no status, event or answer of `why` may show it. */
const canary = 'canary-of-a-token-with-more-than-32-characters'
const callback = 'https://app.example.com/callback'
const toSign = { redirectURIs: [callback], scopes: ['openid', 'email'] }

interface Mistake {
  readonly mistake: string
  readonly code: RefusalCode
  readonly spec: object
  /** Before the mistake is made, and not measured. */
  readonly prepare?: (name: string) => Promise<void>
  readonly make: (name: string) => Promise<unknown>
  /** What `why` shows of the request and of the object. */
  readonly shows: { readonly request?: RegExp; readonly object?: string }
}

describe('ten mistakes of developers', () => {
  const lines: string[] = []
  /** The password and client secrets. */
  const planted = new Set<string>([password])
  const measured: string[] = []
  let stack: Stack
  let clients: ChainClients
  let sign: (claims: object) => Promise<string>
  let earlierSecret: string

  const clockSpec = { type: 'M2M', auth: { method: 'private_key_jwt', jwks: { keys: [] as object[] } } }
  const front = () => ({ issuer: stack.issuer, origin: () => `http://127.0.0.1:${stack.frontPort}` })
  const idOf = (name: string) => `${namespace}.${name}`
  /** A request to /authorize with words of a person in it, as it comes from a real program. */
  const requestOf = (name: string, more: Record<string, string> = {}): Record<string, string> => ({
    client_id: idOf(name),
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid',
    state: canary,
    nonce: canary,
    login_hint: person.email,
    ...more,
  })
  const authorize = (name: string, more: Record<string, string>) => {
    const url = authorizationUrl(stack.issuer, requestOf(name, more))
    return send(front(), { path: url.slice(stack.issuer.length) })
  }
  const proven = () => ({ code_challenge: pkce().challenge, code_challenge_method: 'S256' })
  const token = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    send(front(), { path: '/token', headers, form: { grant_type: 'client_credentials', ...form } })
  const machine = (name: string, form: Record<string, string>, secret = clients.credentials(name).clientSecret) =>
    token(form, basic(idOf(name), secret))

  const mistakes: readonly Mistake[] = [
    {
      mistake: 'wrong redirect',
      code: 'REDIRECT_URI_NOT_LISTED',
      spec: { type: 'Web', ...toSign },
      make: (name) =>
        authorize(name, {
          ...proven(),
          redirect_uri: `https://app.example.com/login?token=${canary}&email=${person.email}`,
        }),
      shows: { request: /https:\/\/app\.example\.com\/login$/m, object: callback },
    },
    {
      mistake: 'no PKCE',
      code: 'PKCE_MISSING',
      spec: { type: 'SPA', ...toSign },
      make: (name) => authorize(name, {}),
      shows: {},
    },
    {
      mistake: 'scope',
      code: 'SCOPE_NOT_GRANTED',
      spec: { type: 'M2M', audiences: ['https://reports.example.com'], scopes: ['read'] },
      make: (name) => machine(name, { scope: 'delete' }),
      shows: { request: /delete$/m, object: 'read' },
    },
    {
      mistake: 'audience',
      code: 'AUDIENCE_NOT_GRANTED',
      spec: { type: 'M2M', audiences: ['https://reports.example.com'] },
      make: (name) => machine(name, { resource: `https://billing.example.com/?token=${canary}` }),
      shows: { request: /https:\/\/billing\[\.\]example\[\.\]com\/$/m, object: 'https://reports.example.com' },
    },
    {
      mistake: 'wrong method',
      code: 'AUTH_METHOD_NOT_REGISTERED',
      spec: { type: 'M2M', auth: { method: 'client_secret_basic' } },
      make: (name) => token({ client_id: idOf(name), client_secret: clients.credentials(name).clientSecret }),
      shows: { request: /client_secret_post$/m, object: 'client_secret_basic' },
    },
    {
      mistake: 'ended secret',
      code: 'SECRET_ENDED',
      spec: { type: 'M2M' },
      prepare: async (name) => {
        earlierSecret = clients.credentials(name).clientSecret
        const before = clients.secretId(name)
        await clients.patch(name, { spec: { rotation: { trigger: 'leak', revokePrevious: 'leak' } } })
        await clients.published(name, before)
      },
      // it works until the server hears of its end, which counts
      make: async (name) => {
        while ((await machine(name, {}, earlierSecret)).status !== 401);
      },
      shows: { request: /[0-9a-f]{8}$/m, object: 'secret ' },
    },
    {
      mistake: 'clock',
      code: 'ASSERTION_REFUSED',
      spec: clockSpec,
      make: async (name) => {
        const then = Math.floor(Date.now() / 1000) - 3_600
        const claims = { iss: idOf(name), sub: idOf(name), aud: stack.issuer, jti: randomUUID(), iat: then }
        return token({
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await sign({ ...claims, exp: then + 60, email: person.email }),
        })
      },
      shows: { request: /jwt expired$/m },
    },
    {
      mistake: 'group',
      code: 'PERSON_NOT_ALLOWED',
      spec: { type: 'Web', ...toSign, access: { allowedGroups: ['staff'] } },
      make: (name) =>
        new Browser(front())
          .authorize(authorizationUrl(stack.issuer, requestOf(name, proven())), person.name)
          .catch(() => undefined),
      shows: { object: 'staff' },
    },
    {
      mistake: 'origin',
      code: 'ORIGIN_NOT_LISTED',
      spec: { type: 'SPA', ...toSign, corsOrigins: ['https://app.example.com'] },
      make: (name) =>
        token(
          { grant_type: 'authorization_code', client_id: idOf(name), code: canary, code_verifier: pkce().verifier },
          { origin: 'https://preview.example.com' },
        ),
      shows: { request: /https:\/\/preview\[\.\]example\[\.\]com\/$/m, object: 'https://app.example.com' },
    },
    {
      mistake: 'logout URI',
      code: 'LOGOUT_URI_NOT_LISTED',
      spec: { type: 'Web', ...toSign, postLogoutRedirectURIs: ['https://app.example.com/bye'] },
      make: (name) => {
        const uri = encodeURIComponent(`https://app.example.com/gone?token=${canary}`)
        return send(front(), { path: `/logout?client_id=${idOf(name)}&post_logout_redirect_uri=${uri}` })
      },
      shows: { request: /https:\/\/app\.example\.com\/gone$/m, object: 'https://app.example.com/bye' },
    },
  ]
  const nameOf = ({ mistake }: Mistake) => mistake.toLowerCase().replaceAll(' ', '-')
  const find = (plural: string, name: string) => stack.api.store.find(stack.api.resource(plural), namespace, name)

  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const directory = mkdtempSync(join(root, '.nauthera/mistakes-'))
    // the database's account is another one, and passes through
    chmodSync(directory, 0o711)
    reapDirectory(directory)
    stack = await startStack({
      directory,
      replicas: 1,
      namespaces: [namespace],
      onLine: (process, line) => void lines.push(`${process}: ${line}`),
    })
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    clockSpec.auth.jwks.keys.push({ ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256' })
    sign = (claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'own' }).sign(privateKey)
    clients = createChainClients(stack, createKubeClient(stack.api.adminConfig), planted)
    const add = ['users', 'add', person.name, '--email', person.email, '--email-verified', '--name', person.words]
    await runToEnd({
      name: 'nauthera users add',
      script: 'server/src/cli/main.ts',
      args: [...add, '--password-stdin', '--settings', stack.serverSettings],
      input: password,
    })
    await Promise.all(mistakes.map((one) => clients.applyAndWait(nameOf(one), one.spec)))
  })
  after(async () => {
    await stack?.stop()
    const head =
      '| Mistake | Code | From the request to the object | What to do, as `why` says it |\n| --- | --- | --- | --- |'
    process.stdout.write(`\n${head}\n${measured.join('\n')}\n\n`)
  })

  const why = (name: string) =>
    runPlugin(['why', name, '-n', namespace], {
      now: Date.now,
      kubectl: ([, kind = '', wanted = '']) =>
        kubectlGives(find(kind.startsWith('oidcclients') ? 'oidcclients' : 'secrets', wanted) ?? {}),
    })
  const told = new Map<string, string>()

  for (const one of mistakes)
    it(`${one.mistake}: the object says ${one.code}, and \`why\` the cause and the cure`, async () => {
      const name = nameOf(one)
      await one.prepare?.(name)
      const began = performance.now()
      await one.make(name)
      const says = (object: Parameters<typeof statusOf>[0]) =>
        statusOf(object).refusals?.some(({ code }) => code === one.code) === true
      await waitForObject(stack.api, 'oidcclients', { namespace, name }, says, 60_000)
      const took = (performance.now() - began) / 1000
      expect(took, 'seconds').to.be.below(10)
      const { code, out, error } = await why(name)
      told.set(name, out + error)
      expect(code, out + error).to.equal(1)
      expect(out).to.include(`1. ${one.code}: ${refusalKinds[one.code].meaning}`)
      const { request, object } = one.shows
      if (request !== undefined) expect(out).to.match(new RegExp(`the request has  ${request.source}`, 'm'))
      if (object !== undefined) expect(out).to.include(`the object has   ${object}`)
      const cure = /^ +-> (.*)$/m.exec(out)?.[1] ?? ''
      expect(cure.length, out).to.be.above(20)
      measured.push(`| ${one.mistake} | ${one.code} | ${took.toFixed(1)} s | ${cure} |`)
    })

  it('put nothing of a person and no secret into statuses, Events and what `why` says, and no secret into a log', () => {
    const shown = (plural: string) => JSON.stringify(stack.api.store.all(stack.api.resource(plural), namespace))
    const all = { statuses: shown('oidcclients'), events: shown('events'), why: [...told.values()].join('\n') }
    expect(all.statuses).to.include('LOGOUT_URI_NOT_LISTED')
    expect(all.events).to.include('RequestRefused')
    for (const [place, text] of Object.entries(all))
      for (const hidden of [...planted, canary, person.name, person.email, person.words])
        expect(text.includes(hidden), `${place}: ${hidden}`).to.equal(false)
    // a refused address stands there as it came: only who runs the servers reads it
    for (const secret of planted) expect(lines.filter((line) => line.includes(secret))).to.deep.equal([])
  })
})
