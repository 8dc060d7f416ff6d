import { expect } from 'chai'
import { Browser, authorizationUrl, password, pkce } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, introspect, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import type { Tokens } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { mintLinkToken } from '../../src/store/people/link-token.ts'
import { codeAt } from '../../src/users/factors/totp.ts'
import { forgetUsedCodes, giveApp, givePasskey, seedIn, textOf } from '../login/second-factor-flows.ts'

// What ends when a person changes how they sign in: docs/people-factors.md has the table, and here is every cell of it, asked of three replicas.

const replicaNumbers = [0, 1, 2] as const
const insertBrowser = statement(
  'test-known-browser',
  `INSERT INTO known_browsers (user_id, browser) VALUES ($1, 'of-' || $1::uuid)`,
)
const isKnown = statement(
  'test-is-known-browser',
  `SELECT FROM known_browsers WHERE user_id = $1 AND browser = 'of-' || $1::uuid`,
)

/** Whether each goes on. */
interface Cells {
  readonly thisSession: boolean
  /** It is told to applications as one of two factors. */
  readonly twoFactors: boolean
  readonly itsGrant: boolean
  readonly copyOfItsCookie: boolean
  readonly otherSession: boolean
  readonly otherGrant: boolean
  readonly otherOfflineGrant: boolean
  readonly otherAccessToken: boolean
  readonly knownBrowser: boolean
  readonly unfinishedSignIn: boolean
  readonly loginLink: boolean
}

const endsOthers: Cells = {
  thisSession: true,
  twoFactors: true,
  itsGrant: true,
  copyOfItsCookie: false,
  otherSession: false,
  otherGrant: false,
  otherOfflineGrant: false,
  otherAccessToken: false,
  knownBrowser: false,
  unfinishedSignIn: false,
  loginLink: false,
}
const keepsOthers: Cells = {
  ...endsOthers,
  otherSession: true,
  otherGrant: true,
  otherOfflineGrant: true,
  otherAccessToken: true,
  knownBrowser: true,
}
const endsAll: Cells = { ...endsOthers, thisSession: false, twoFactors: false, itsGrant: false }
const endsNothing: Cells = {
  ...keepsOthers,
  twoFactors: false,
  copyOfItsCookie: true,
  unfinishedSignIn: true,
  loginLink: true,
}

describe('what ends when a person changes how they sign in', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ count: 3 })
    await replicas.serve([entry('app.web', configs.web), entry('app.asks', { ...configs.web, consent: 2 })])
  })
  after(() => replicas?.stop())

  let people = 0
  /** A person in a browser of their own, and everything that another browser has of the same account by its password. */
  async function begin({ hasApp = false } = {}) {
    const { store } = replicas.apps[0]!
    const username = `owner${++people}`
    const userId = await addPerson(replicas, username)
    const other = new Browser(replicas)
    const inSession = await fetchCode(replicas, { username, browser: other })
    const grant = tokensOf(await redeem(replicas, inSession))
    const parameters = { scope: 'openid offline_access' }
    const offline = tokensOf(
      await redeem(replicas, await fetchCode(replicas, { username, browser: other, parameters })),
    )
    const unfinished = new Browser(replicas)
    const asks = authorizationUrl(replicas.issuer, request(pkce(), { client_id: 'app.asks' }))
    const consent = await unfinished.submit(await unfinished.follow(asks), '/sign-in', { username, password })
    const owner = new Browser(replicas)
    await owner.submit(await owner.follow('/account'), '/sign-in', { username, password })
    await store.database.query(insertBrowser, [userId])
    let seed: string | undefined
    let unfinishedNow = { browser: unfinished, page: consent }
    if (hasApp) {
      seed = await giveApp(replicas, userId)
      const asked = await owner.follow('/account/security/app')
      await owner.submit(asked, '/second-factor', { code: codeAt(seed, Date.now()) })
      await forgetUsedCodes(replicas)
      const again = new Browser(replicas)
      const second = await again.submit(await again.follow(asks), '/sign-in', { username, password })
      unfinishedNow = {
        browser: again,
        page: await again.submit(second, '/second-factor', { code: codeAt(seed, Date.now()) }),
      }
      await forgetUsedCodes(replicas)
    }
    const itsGrant = tokensOf(await redeem(replicas, await fetchCode(replicas, { username, browser: owner })))
    const link = mintLinkToken()
    await store.loginLinks.create(userId, { token: link, lifeMs: 60_000, audit: [] })
    return {
      username,
      userId,
      owner,
      copy: owner.copy(),
      itsGrant,
      other,
      grant,
      offline,
      unfinished: unfinishedNow,
      link,
      seed,
    }
  }
  type Begun = Awaited<ReturnType<typeof begin>>

  /** What all replicas say. */
  async function onAll(ask: (replica: number) => Promise<boolean>): Promise<boolean> {
    const said: boolean[] = []
    for (const replica of replicaNumbers) said.push(await ask(replica))
    expect(new Set(said).size, `the replicas differ: ${said.join()}`).to.equal(1)
    return said[0]!
  }
  const isSignedIn = (browser: Browser) =>
    onAll(async (replica) => (await browser.open('/account', { replica })).status === 200)
  function refreshes(tokens: Tokens): Promise<boolean> {
    let { refresh: token } = tokens
    return onAll(async (replica) => {
      const answer = await refresh(replicas, token, { replica })
      if (answer.status === 200) token = tokensOf(answer).refresh
      return answer.status === 200
    })
  }
  async function finishes({ browser, page }: Begun['unfinished']): Promise<boolean> {
    const end = await browser.submit(page, '/consent', { decision: 'allow' })
    return end.location?.includes('code=') === true
  }
  /** What an application is told of the session now, without a page. */
  const isToldAsTwo = ({ owner }: Begun) =>
    onAll(async (replica) => {
      const proof = pkce()
      const asks = authorizationUrl(replicas.issuer, request(proof, { prompt: 'none' }))
      const { location } = (await owner.open(asks, { replica })).headers
      const value = new URL(location!).searchParams.get('code')
      if (value === null) return false
      const { amr } = claimsOfJwt(tokensOf(await redeem(replicas, { value, proof }, { replica })).id)
      return (amr as string[]).includes('mfa')
    })
  async function cells(of: Begun): Promise<Cells> {
    const { store } = replicas.apps[1]!
    const isActive = (token: string) =>
      onAll(async (replica) => (await introspect(replicas, token, { replica })).json()['active'] === true)
    return {
      thisSession: await isSignedIn(of.owner),
      twoFactors: await isToldAsTwo(of),
      itsGrant: await refreshes(of.itsGrant),
      copyOfItsCookie: await isSignedIn(of.copy),
      otherSession: await isSignedIn(of.other),
      otherAccessToken: await isActive(of.grant.access),
      otherGrant: await refreshes(of.grant),
      otherOfflineGrant: await refreshes(of.offline),
      knownBrowser: (await store.database.query(isKnown, [of.userId])).length === 1,
      unfinishedSignIn: await finishes(of.unfinished),
      loginLink: (await store.loginLinks.find(of.link.plain)) !== undefined,
    }
  }

  const next = 'another horse battery staple'
  const security = '/account/security'
  /** Opens the page of a change, and sends its form. */
  const change = async ({ owner }: Begun, path: string, fields: (body: string) => Record<string, string>) => {
    const page = await owner.follow(`${security}${path}`)
    return owner.submit(page, path.split('?')[0]!, fields(page.body))
  }
  const byApp = (body: string) => ({ code: codeAt(seedIn(body), Date.now()) })

  /** What a person does on a page where they choose. */
  const chosen: [
    string,
    { hasApp: boolean },
    (of: Begun, keep: Record<string, string>) => Promise<unknown>,
    Partial<Cells>?,
  ][] = [
    ['sets up an app', { hasApp: false }, (of, keep) => change(of, '/app', (body) => ({ ...byApp(body), ...keep }))],
    ['replaces the app', { hasApp: true }, (of, keep) => change(of, '/app', (body) => ({ ...byApp(body), ...keep }))],
    [
      'removes the app, the last factor',
      { hasApp: true },
      (of, keep) => change(of, '/remove-app', () => keep),
      { ...endsOthers, twoFactors: false, itsGrant: false },
    ],
    [
      'removes a passkey',
      { hasApp: true },
      async (of, keep) => {
        const { factors } = replicas.apps[0]!.store
        await givePasskey(replicas, of.userId)
        const { id } = (await factors.of(of.userId)).find(({ kind }) => kind === 'passkey')!
        return change(of, `/remove-passkey?id=${id}`, () => keep)
      },
    ],
    [
      'removes the app, then a passkey, the last factor',
      { hasApp: true },
      async (of, keep) => {
        await givePasskey(replicas, of.userId)
        await change(of, '/remove-app', () => ({ 'keep-sessions': 'yes' }))
        const [passkey] = await replicas.apps[0]!.store.factors.of(of.userId)
        return change(of, `/remove-passkey?id=${passkey!.id}`, () => keep)
      },
      { ...endsOthers, twoFactors: false, itsGrant: false },
    ],
    ['makes new recovery codes', { hasApp: true }, (of, keep) => change(of, '/recovery-codes', () => keep)],
    ...[false, true].map((hasApp): (typeof chosen)[number] => [
      `changes the password${hasApp ? ', and has an app' : ''}`,
      { hasApp },
      (of, keep) =>
        change(of, '/password', () => ({
          'current-password': password,
          'new-password': next,
          'repeat-password': next,
          ...keep,
        })),
      { twoFactors: hasApp },
    ]),
  ]
  for (const [act, has, make, differs] of chosen)
    for (const [keep, expected] of [
      [{}, endsOthers],
      [{ 'keep-sessions': 'yes' }, keepsOthers],
    ] as const)
      it(`L9 a person ${act}, and the other sessions ${'keep-sessions' in keep ? 'are kept' : 'end'}`, async () => {
        const of = await begin(has)
        await make(of, keep)
        expect(await cells(of)).to.deep.equal({ ...expected, ...differs })
      })

  const done: [string, Cells, { hasApp: boolean }, (of: Begun) => Promise<unknown>][] = [
    [
      'an administrator gives the person another address',
      endsAll,
      { hasApp: false },
      (of) => replicas.apps[0]!.store.users.edit(of.userId, { email: `${of.username}@new.example.com` }, []),
    ],
    [
      'an administrator gives the person another name',
      endsNothing,
      { hasApp: false },
      (of) => replicas.apps[0]!.store.users.edit(of.userId, { name: 'Another' }, []),
    ],
    [
      'an administrator removes all factors',
      endsAll,
      { hasApp: true },
      (of) => replicas.apps[0]!.store.factors.reset(of.userId, []),
    ],
    [
      'the person sets up a factor in a sign-in',
      endsAll,
      { hasApp: false },
      async ({ username }) => {
        const browser = new Browser(replicas)
        const wanted = request(pkce(), { acr_values: 'urn:nauthera:mfa' })
        const first = await browser.follow(authorizationUrl(replicas.issuer, wanted))
        const asked = await browser.submit(first, '/sign-in', { username, password })
        const shown = await browser.submit(asked, '/set-up')
        const codes = await browser.submit(shown, '/set-up-app', { code: codeAt(seedIn(shown.body), Date.now()) })
        const end = await browser.submit(codes, '/codes-saved')
        expect(end.location).to.contain('code=')
      },
    ],
  ]
  for (const [act, expected, has, make] of done)
    it(`L9 ${act}`, async () => {
      const of = await begin(has)
      await make(of)
      expect(await cells(of)).to.deep.equal(expected)
    })

  it('L9 who knows the password and has a session is shut out by the second factor that the owner sets up', async () => {
    const of = await begin()
    await change(of, '/app', byApp)
    const thief = await of.other.follow(`${security}/password`)
    expect(thief.url).to.contain('/interaction/')
    const asked = await of.other.submit(thief, '/sign-in', { username: of.username, password })
    expect(asked.body).to.contain('id="second-factor"')
    // the owner goes on, and adds a passkey without another code
    const passkey = await of.owner.follow(`${security}/passkey`)
    expect(passkey.url).to.equal(`${security}/passkey`)
    expect(textOf(passkey.body)).to.contain('passkey')
  })

  it('L9 a session that was kept proves the second factor before it changes anything', async () => {
    const of = await begin()
    await change(of, '/app', (body) => ({ ...byApp(body), 'keep-sessions': 'yes' }))
    for (const path of ['/app', '/remove-app', '/passkey', '/recovery-codes', '/password']) {
      const asked = await of.other.follow(`${security}${path}`)
      expect(asked.body, path).to.contain('id="second-factor"')
    }
  })
})
