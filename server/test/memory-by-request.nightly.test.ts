import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { expect } from 'chai'
import { SignJWT } from 'jose'
import { basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer, Target } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { clientSecret, redirectUri } from '@nauthera/harness/server'
import { readImage } from '../../ci/bench/sides/bundles.ts'
import type { MeasuredAnswers, MeasuredQuestion } from './measured-server.ts'

// What a request makes outside of the heap, such as a formatter, V8 does not see, so it collects it late or never. Each kind of request is
// sent so often that a few kB for each show.

const times = Number(process.env['MEMORY_REQUESTS'] ?? 20_000)
const mostGrowthMb = 60
/** What Node takes for its heap in a pod of 512Mi: else garbage would grow with the memory of the machine. */
const heapMb = 256
/** At a time; each has a session, or tokens, of its own. */
const lanes = 4
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'own', alg: 'RS256', use: 'sig' }

type Asked = Parameters<typeof send>[1]
interface Site extends Target {
  readonly personId: string
  readonly certificate: string
  ask<Question extends MeasuredQuestion>(question: Question): Promise<MeasuredAnswers[Question]>
}
type Next = () => Asked | Promise<Asked>
/** What one lane sends; `took` gets each answer. */
type Lane = Next | { readonly next: Next; readonly took?: (answer: Answer) => void }
interface Kind {
  readonly what: string
  readonly status: number
  readonly begin: (site: Site) => Lane | Promise<Lane>
}

const html = { accept: 'text/html' }
const page = (path: string, status = 200, what = path): Kind => ({
  what,
  status,
  begin: () => () => ({ path, headers: html }),
})
/** A request of a program. */
const call = (what: string, status: number, asked: Next): Kind => ({ what, status, begin: () => asked })

const authorize = (more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams(request(pkce(), more)).toString()}`

const strangers: readonly Kind[] = [
  page('/'),
  page('/account', 303, 'a page of the account, without a session'),
  page('/forgot'),
  page('/register'),
  page('/device'),
  page(`/reset/${'x'.repeat(43)}`, 400, 'a link that is gone'),
  page('/no-such-page', 404, 'an unknown path'),
  page('/authorize?client_id=nobody', 400, 'a sign-in of an unknown client'),
  call('the beginning of a sign-in', 303, () => ({ path: authorize(), headers: html })),
  {
    what: 'the page of a sign-in',
    status: 200,
    async begin(site) {
      const begun = await send(site, { path: authorize(), headers: html })
      const cookie = begun.headers['set-cookie']!.map((line) => line.split(';')[0]).join('; ')
      const path = new URL(begun.headers.location!, site.issuer).pathname
      return () => ({ path, headers: { ...html, cookie } })
    },
  },
  call('metadata', 200, () => ({ path: '/.well-known/openid-configuration' })),
  call('keys', 200, () => ({ path: '/jwks' })),
  call('a token with a wrong secret', 401, () => ({
    path: '/token',
    headers: basic('app.machine', `wrong ${randomUUID()}`),
    form: { grant_type: 'client_credentials' },
  })),
  call('a token of an unknown client', 401, () => ({
    path: '/token',
    headers: basic(`app.${randomUUID()}`, 'x'),
    form: { grant_type: 'client_credentials' },
  })),
  call('a code that is none', 400, () => ({
    path: '/token',
    form: { grant_type: 'authorization_code', client_id: 'app.spa', code: randomUUID(), redirect_uri: redirectUri },
  })),
  call('userinfo with a token that is none', 401, () => ({
    path: '/userinfo',
    headers: { authorization: `Bearer ${randomUUID()}` },
  })),
  call('a pushed request of a public client', 201, () => ({
    path: '/request',
    form: request(pkce(), { client_id: 'app.spa', redirect_uri: 'https://spa.example.com/callback', scope: 'openid' }),
  })),
]

const accountPage = (path: string): Kind => ({
  what: path,
  status: 200,
  async begin(site) {
    const cookie = await site.ask('session')
    return () => ({ path, headers: { ...html, cookie } })
  },
})
let member: Promise<string> | undefined
const deskPage = (what: string, pathOf: (site: Site) => string): Kind => ({
  what,
  status: 200,
  async begin(site) {
    const cookie = await (member ??= site.ask('member'))
    return () => ({ path: pathOf(site), headers: { ...html, cookie } })
  },
})

const people: readonly Kind[] = [
  ...['', '/sessions', '/applications', '/profile', '/preferences', '/security'].map((path) =>
    accountPage(`/account${path}`),
  ),
  deskPage('/admin?q=a', () => '/admin?q=a'),
  deskPage('a person at the help desk', ({ personId }) => `/admin/people/${personId}`),
  deskPage('/admin/clients', () => '/admin/clients'),
  deskPage('/admin/keys', () => '/admin/keys'),
  {
    what: 'a code in a session',
    status: 303,
    async begin(site) {
      const cookie = await site.ask('session')
      return () => ({ path: authorize({ prompt: 'none' }), headers: { ...html, cookie } })
    },
  },
  {
    what: 'userinfo',
    status: 200,
    async begin(site) {
      const { access } = await site.ask('tokens')
      return () => ({ path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
    },
  },
  {
    what: 'userinfo, encrypted',
    status: 200,
    async begin(site) {
      const { access } = await site.ask('sealed')
      return () => ({ path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
    },
  },
  {
    what: 'introspection',
    status: 200,
    async begin(site) {
      const { access } = await site.ask('tokens')
      return () => ({ path: '/introspect', headers: basic('app.web', clientSecret), form: { token: access } })
    },
  },
  {
    what: 'a refresh',
    status: 200,
    async begin(site) {
      let { refresh: token } = await site.ask('tokens')
      return {
        next: () => ({
          path: '/token',
          headers: basic('app.web', clientSecret),
          form: { grant_type: 'refresh_token', refresh_token: token },
        }),
        took: (answer) => (token = String(answer.json()['refresh_token'])),
      }
    },
  },
  call('a token of a machine', 200, () => ({
    path: '/token',
    headers: basic('app.machine', clientSecret),
    form: { grant_type: 'client_credentials', scope: 'read', resource: 'https://api.example.com' },
  })),
  {
    what: 'a token of a client with a certificate, by the header of a proxy',
    status: 200,
    begin:
      ({ certificate }) =>
      () => ({
        path: '/token',
        headers: { 'x-forwarded-tls-client-cert': certificate },
        form: { grant_type: 'client_credentials', client_id: 'app.keyed', resource: 'https://api.example.com' },
      }),
  },
  {
    what: 'a token of a client that signs',
    status: 200,
    begin: (site) => async () => {
      const by = new SignJWT({ iss: 'app.signing', sub: 'app.signing', aud: site.issuer, jti: randomUUID() })
      const assertion = by.setProtectedHeader({ alg: 'RS256', kid: 'own' }).setIssuedAt().setExpirationTime('1m')
      return {
        path: '/token',
        form: {
          grant_type: 'client_credentials',
          resource: 'https://api.example.com',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await assertion.sign(privateKey),
        },
      }
    },
  },
]

describe('the memory that requests take from a server', function () {
  this.timeout(30 * 60_000)
  let child: ChildProcess
  let site: Site
  const grown: string[] = []

  before(async () => {
    const { flags, env } = await readImage('server')
    child = fork(new URL('measured-server.ts', import.meta.url), {
      execArgv: [...flags, '--expose-gc', `--max-old-space-size=${heapMb}`],
      env: { ...process.env, ...env },
    })
    const answerOf = async () => {
      const [{ answer, failed }] = (await once(child, 'message')) as [{ answer: never; failed?: string }]
      if (failed !== undefined) throw new Error(failed)
      return answer
    }
    let last: Promise<unknown> = answerOf()
    const ask = <Question extends MeasuredQuestion>(question: Question): Promise<MeasuredAnswers[Question]> => {
      const answer = last.then(() => {
        child.send({ question, jwk })
        return answerOf()
      })
      last = answer
      return answer
    }
    const { origin, ...started } = await ask('start')
    site = { ...started, origin: () => origin, ask }
  })
  after(() => {
    if (child?.connected) child.disconnect()
    process.stdout.write(
      `| Request, ${times} times | MB before | MB more at most | of it heap |\n|---|---|---|---|\n${grown.join('\n')}\n`,
    )
  })

  /** Sends the kind so often, once each lane has what it needs.
   *  @param begun is called then
   *  @returns how many answers were not as they should be, by status */
  async function run({ begin, status }: Kind, count: number, begun?: () => Promise<unknown>) {
    const odd: Record<number, number> = {}
    const open = await Promise.all(Array.from({ length: lanes }, async () => begin(site)))
    await begun?.()
    let left = count
    const sendAll = async (lane: Lane) => {
      const { next, took } = typeof lane === 'function' ? { next: lane, took: undefined } : lane
      while (left-- > 0) {
        const answer = await send(site, await next())
        if (answer.status === status) took?.(answer)
        else odd[answer.status] = (odd[answer.status] ?? 0) + 1
      }
    }
    await Promise.all(open.map(sendAll))
    return odd
  }

  for (const [who, kinds] of Object.entries({ 'a stranger': strangers, 'a person, or a program': people }))
    for (const kind of kinds)
      it(`is at most ${mostGrowthMb} MB more after ${times} times ${kind.what}, by ${who}`, async () => {
        // what is made once, such as compiled code, is made before anything is measured
        await run(kind, times / 10)
        expect(await run(kind, times, () => site.ask('begin'))).to.deep.equal({})
        const { before: held, growth, heap } = await site.ask('end')
        grown.push(`| ${kind.what} | ${held.toFixed(0)} | ${growth.toFixed(0)} | ${heap.toFixed(0)} |`)
        expect(growth).to.be.at.most(mostGrowthMb)
      })
})
