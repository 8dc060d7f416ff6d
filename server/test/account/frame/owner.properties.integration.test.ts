import { expect } from 'chai'
import fc from 'fast-check'
import { Browser, authorizationUrl, password, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { createAccountRoutes } from '../../../src/account/routes.ts'
import { createLoginRoutes } from '../../../src/login/routes.ts'
import { createMailRoutes } from '../../../src/mail/routes.ts'
import type { PageRequest, Route } from '../../../src/reply.ts'
import { mintLinkToken } from '../../../src/store/people/link-token.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { codeAt } from '../../../src/users/factors/totp.ts'
import { ada } from '../../login/browser.ts'
import { forgetUsedCodes, giveApp, givePasskey, seedIn } from '../../login/second-factor-flows.ts'

// Whoever has a second factor proves it for every change of how they sign in, by whatever page. The pages are those that the server has: a new one is walked
// without being named here.

const secondFactor = { policy: 'optional', requiredGroups: [], enrolment: 'password' } as const
const never = { steps: 'are not taken' } as never
const accountRoutes = (gate: object): readonly Route[] =>
  createAccountRoutes({
    basePath: '',
    gate,
    secondFactor,
    rounds: { providers: [{ id: 'corp', name: 'Corp', maxAgeMs: 0 }] },
  } as never)
const signInRoutes = (): readonly Route[] =>
  createLoginRoutes({ ...(never as object), federation: { upstreams: [] }, basePath: '', issuer: '' } as never)

describe('the pages of a change of how a person signs in', () => {
  it('L9 are all below /account/security, and each wants the second factor of whoever has one', async () => {
    const session = { uid: 's1', version: 1, authTime: 0, amr: ['pwd'], acr: undefined }
    const person = { user: ada, standing: 'one', factors: ['totp'], session }
    const turnedAway = { kind: 'redirect', location: '/step-up' } as const
    const gate = {
      requirePerson: async () => ({ kind: 'admitted', person }),
      requireFresh: async (_: unknown, wanted?: object) => (wanted ? turnedAway : { kind: 'admitted', person }),
    }
    const routes = accountRoutes(gate).filter(({ path }) => path.startsWith('/account/security/'))
    expect(routes.length).to.be.greaterThan(15)
    for (const route of routes)
      expect(await route.handle({} as PageRequest), `${route.method} ${route.path}`).to.deep.equal(turnedAway)
  })
})

const wholeState = statement(
  'test-how-a-person-signs-in',
  `SELECT u.email, u.username, u.disabled_at,
     (SELECT password_hash FROM credentials c WHERE c.user_id = u.id) AS hash,
     (SELECT jsonb_agg(jsonb_build_array(f.id, f.name) ORDER BY f.id) FROM factors f WHERE f.user_id = u.id) AS factors,
     (SELECT jsonb_agg(jsonb_build_array(r.code_hash::text, r.used_at) ORDER BY r.code_hash) FROM recovery_codes r WHERE r.user_id = u.id) AS codes,
     (SELECT jsonb_agg(l.subject ORDER BY l.subject) FROM upstream_links l WHERE l.user_id = u.id) AS links
   FROM users u WHERE u.id = $1`,
)
const insertReset = statement(
  'test-insert-reset',
  `INSERT INTO mail_links (token_hash, kind, user_id, email, standing, expires_at)
   SELECT $2, 'reset', u.id, u.canonical_email, (u.sessions_valid_after AT TIME ZONE 'UTC')::text, now() + interval '1 hour' FROM users u WHERE u.id = $1`,
)

describe('who has everything of a person but the second factor', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([entry('app.web', configs.web)])
  })
  after(() => replicas?.stop())

  let people = 0
  /** A person with an app and a passkey; and a thief with their password, a session that proved it alone, a sign-in that is under way, and their mailbox. */
  async function begin(proves: boolean) {
    const { store } = replicas.apps[0]!
    const username = `victim${++people}`
    const userId = await addPerson(replicas, username)
    const browser = new Browser(replicas)
    await browser.submit(await browser.follow('/account'), '/sign-in', { username, password })
    const seed = await giveApp(replicas, userId)
    await givePasskey(replicas, userId)
    if (proves) {
      const asked = await browser.follow('/account/security/app')
      await browser.submit(asked, '/second-factor', { code: codeAt(seed, Date.now()) })
      await forgetUsedCodes(replicas)
    }
    const signIn = new Browser(replicas)
    const first = await signIn.follow(
      authorizationUrl(replicas.issuer, request(pkce(), { acr_values: 'urn:nauthera:mfa' })),
    )
    const page = await signIn.submit(first, '/sign-in', { username, password })
    const link = mintLinkToken()
    await store.database.query(insertReset, [userId, link.hash])
    const factors = await store.factors.of(userId)
    return { userId, browser, signIn, uid: /\/interaction\/([^/?]+)/.exec(page.url)![1]!, link: link.plain, factors }
  }
  type Thief = Awaited<ReturnType<typeof begin>>

  const routes = [...accountRoutes({}), ...signInRoutes(), ...createMailRoutes(never)].filter(
    ({ path }) => !/upstream|callback/.test(path),
  )
  const tokenIn = (body: string) => /name="form_token" value="([^"]*)"/.exec(body)?.[1]

  async function walk(thief: Thief, { method, path }: Route): Promise<void> {
    const of = path.startsWith('/interaction') ? thief.signIn : thief.browser
    const target = path.replace(':uid', thief.uid).replace(':token', thief.link).replace(/:\w+/, 'x')
    // a form belongs to the session, to the sign-in or to the link
    const home = path.startsWith('/account') ? '/account/profile' : target.split('/').slice(0, 3).join('/')
    const at = `${target}?id=${thief.factors[0]?.id ?? ''}`
    if (method === 'GET') return void (await of.open(at))
    const shown = await of.open(path.startsWith('/account/security') ? at : home)
    const token = tokenIn(shown.body) ?? tokenIn((await of.open(home)).body)
    const next = 'another horse battery staple'
    const seed = /name="seed" value="([^"]*)"/.exec(shown.body)?.[1]
    await of.open(target, {
      form: {
        ...(token === undefined ? {} : { form_token: token }),
        ...(seed === undefined ? {} : { seed, code: codeAt(seedIn(shown.body), Date.now()) }),
        'current-password': password,
        'new-password': next,
        'repeat-password': next,
        username: 'nobody',
        id: thief.factors[0]?.id ?? '',
        name: 'mine',
        decision: 'link',
        email: 'thief@example.com',
        proof: 'k1~AAAA',
        'keep-sessions': 'yes',
      },
    })
  }
  const stateOf = async (userId: string) => (await replicas.apps[0]!.store.database.query(wholeState, [userId]))[0]

  it('L9 changes nothing about how the person signs in, by whichever pages in whichever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(routes, { minLength: Math.ceil(routes.length / 2) }), async (order) => {
        const thief = await begin(false)
        const before = await stateOf(thief.userId)
        for (const route of order) {
          await walk(thief, route)
          expect(await stateOf(thief.userId), `${route.method} ${route.path}`).to.deep.equal(before)
        }
      }),
      { numRuns: propertyRuns(4) },
    )
  })

  it('L9 the same walk of the owner, who has proved it, changes what each page is for', async () => {
    const changing = []
    for (const route of routes.filter(
      ({ method, path }) => method === 'POST' && path.startsWith('/account/security/'),
    )) {
      const owner = await begin(true)
      const before = await stateOf(owner.userId)
      await walk(owner, route)
      if (JSON.stringify(await stateOf(owner.userId)) !== JSON.stringify(before)) changing.push(route.path)
    }
    expect(changing.map((path) => path.replace('/account/security/', ''))).to.have.members([
      'app',
      'password',
      'recovery-codes',
      'remove-app',
      'rename',
    ])
  })
})
