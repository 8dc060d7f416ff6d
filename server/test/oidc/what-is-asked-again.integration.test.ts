import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { deviceGrant, fetchDeviceCode, poll, typeCode } from '@nauthera/harness/device'
import { fetchCode, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { codeAt } from '../../src/users/factors/totp.ts'
import { forgetUsedCodes, giveApp } from '../login/second-factor-flows.ts'

// What a client and the settings want of a person is asked wherever a session, a code or a token of before is used, and not at the next sign-in alone. Each
// cell is asked of three replicas, in the lane's way and in the library's.

const orders = 'https://orders.example.com'
const stock = 'https://stock.example.com'
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ways = [
  'account',
  'authorization',
  'code',
  'refresh',
  'refresh by the library',
  'offline refresh',
  'introspection',
  'introspection by the library',
  'userinfo',
  'userinfo by the library',
  'exchange',
  'exchanged token',
  'device',
] as const
type Way = (typeof ways)[number]
const all = (isGiven: boolean, more: Partial<Record<Way, boolean>> = {}) => ({
  ...(Object.fromEntries(ways.map((way) => [way, isGiven])) as Record<Way, boolean>),
  ...more,
})

describe('what is asked of a person again', () => {
  let replicas: ServerReplicas

  const read = ['orders:read']
  const clientsWith = (app: object = {}, api: object = {}) => [
    entry(
      'app.web',
      { ...configs.web, audiences: [orders], scopes: [...configs.web.scopes, ...read], ...app },
      { granted: { [orders]: read } },
    ),
    entry('app.device', {
      ...configs.web,
      type: 'Native',
      redirectUris: [],
      grantTypes: [deviceGrant],
      tokenEndpointAuthMethod: 'none',
      ...app,
    }),
    entry(
      'shop.orders',
      {
        ...configs.api,
        grantTypes: ['client_credentials', exchange],
        resourceServer: { identifier: orders, scopes: read },
        audiences: [stock],
        scopes: ['stock:read'],
        ...api,
      },
      { granted: { [stock]: ['stock:read'] } },
    ),
    entry('shop.stock', { ...configs.api, resourceServer: { identifier: stock, scopes: ['stock:read'] } }),
  ]

  before(async () => {
    replicas = await startReplicas({ count: 3, settings: { secondFactor: { requiredGroups: ['finance'] } } })
  })
  after(() => replicas?.stop())

  const trade = (token: string, replica: number) =>
    send(replicas, {
      path: '/token',
      replica,
      headers: basic('shop.orders', clientSecret),
      form: {
        grant_type: exchange,
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: stock,
      },
    })

  let people = 0
  async function begin(hasFactor: boolean) {
    const username = `asked${++people}`
    const userId = await addPerson(replicas, username, ['staff'])
    const browser = new Browser(replicas)
    const page = await browser.follow('/account')
    if (hasFactor) {
      const seed = await giveApp(replicas, userId)
      const asked = await browser.submit(page, '/sign-in', { username, password })
      await browser.submit(asked, '/second-factor', { code: codeAt(seed, Date.now()) })
      await forgetUsedCodes(replicas)
    } else await browser.submit(page, '/sign-in', { username, password })
    const code = (more: Record<string, string> = {}) => fetchCode(replicas, { username, browser, parameters: more })
    const tokens = async (scope = 'openid') => tokensOf(await redeem(replicas, await code({ scope })))
    const ofApi = await redeem(replicas, await code({ scope: 'openid orders:read', resource: orders }), {
      form: { resource: orders },
    })
    const { access: apiToken } = tokensOf(ofApi)
    const exchanged = (await trade(apiToken, 0)).json()['access_token'] as string
    const device = await fetchDeviceCode(replicas)
    let allowed = await browser.submit(await typeCode(browser, device.user), '/device', { decision: 'allow' })
    if (allowed.body.includes('id="account-continue"'))
      allowed = await browser.submit(allowed, '/account', { choice: 'continue' })
    return {
      userId,
      browser,
      codes: [await code(), await code(), await code()],
      refreshed: await tokens(),
      byLibrary: await tokens(),
      offline: await tokens('openid offline_access'),
      apiToken,
      exchanged,
      device,
    }
  }

  async function requestedOf(of: Awaited<ReturnType<typeof begin>>): Promise<Record<Way, boolean>> {
    const onAll = async (ask: (replica: number) => Promise<boolean>): Promise<boolean> => {
      const said: boolean[] = []
      for (const replica of [0, 1, 2]) said.push(await ask(replica))
      expect(new Set(said).size, `the replicas differ: ${said.join()}`).to.equal(1)
      return said[0]!
    }
    const refreshes = (tokens: { refresh: string }, form: Record<string, string> = {}) => {
      let { refresh: token } = tokens
      return onAll(async (replica) => {
        const answer = await refresh(replicas, token, { replica, form })
        if (answer.status === 200) token = tokensOf(answer).refresh
        return answer.status === 200
      })
    }
    const introspects = (token: string, form: Record<string, string> = {}, clientId = 'app.web') =>
      onAll(async (replica) => {
        const headers = basic(clientId, clientSecret)
        const answer = await send(replicas, {
          path: '/introspect',
          replica,
          headers,
          form: { token, ...form },
        })
        return answer.json()['active'] === true
      })
    const token = of.offline.access
    const authorization = `Bearer ${token}`
    return {
      account: await onAll(async (replica) => (await of.browser.open('/account', { replica })).status === 200),
      authorization: await onAll(async (replica) => {
        const url = authorizationUrl(replicas.issuer, request(pkce(), { prompt: 'none' }))
        return (await of.browser.open(url, { replica })).headers.location?.includes('code=') === true
      }),
      introspection: await introspects(token),
      'introspection by the library': await introspects(token, { token_type_hint: 'refresh_token' }),
      userinfo: await onAll(
        async (replica) =>
          (await send(replicas, { path: '/userinfo', replica, headers: { authorization } })).status === 200,
      ),
      'userinfo by the library': await onAll(
        async (replica) =>
          (await send(replicas, { path: '/userinfo', replica, form: { access_token: token } })).status === 200,
      ),
      exchange: await onAll(async (replica) => (await trade(of.apiToken, replica)).status === 200),
      'exchanged token': await introspects(of.exchanged, {}, 'shop.orders'),
      code: await onAll(async (replica) => (await redeem(replicas, of.codes[replica]!, { replica })).status === 200),
      refresh: await refreshes(of.refreshed),
      'refresh by the library': await refreshes(of.byLibrary, { scope: 'openid' }),
      'offline refresh': await refreshes(of.offline),
      device: (await poll(replicas, of.device, { replica: 2 })).status === 200,
    }
  }

  const join = (userId: string) => replicas.apps[0]!.store.groups.addMember('finance', userId, [])
  const ofClient = all(false, { account: true })
  const byMfa = { requiredAcr: ['urn:nauthera:mfa'] }
  const rows: [string, { hasFactor: boolean }, (userId: string) => Promise<unknown>, Record<Way, boolean>][] = [
    ['nothing changes', { hasFactor: false }, async () => undefined, all(true)],
    ['the person joins a group that must have a second factor', { hasFactor: false }, join, all(false)],
    ['so does a person who proved one', { hasFactor: true }, join, all(true)],
    ['the client wants a second factor', { hasFactor: false }, () => replicas.serve(clientsWith(byMfa)), ofClient],
    [
      'the client wants the second factor that was proved',
      { hasFactor: true },
      () => replicas.serve(clientsWith(byMfa)),
      all(true),
    ],
    [
      'the client wants another group',
      { hasFactor: false },
      () => replicas.serve(clientsWith({ allowedGroups: ['board'] })),
      ofClient,
    ],
    [
      'the person leaves the group of the client',
      { hasFactor: false },
      async (userId) => {
        await replicas.serve(clientsWith({ allowedGroups: ['staff'] }))
        await replicas.apps[1]!.store.groups.removeMember('staff', userId, [])
      },
      ofClient,
    ],
    [
      'the API that exchanges wants a second factor',
      { hasFactor: false },
      () => replicas.serve(clientsWith({}, byMfa)),
      all(true, { exchange: false, 'exchanged token': false }),
    ],
    [
      'the API that exchanges wants another group',
      { hasFactor: false },
      () => replicas.serve(clientsWith({}, { allowedGroups: ['board'] })),
      all(true, { exchange: false, 'exchanged token': false }),
    ],
  ]
  for (const [change, { hasFactor }, make, expected] of rows)
    it(`T50 ${change}: asked everywhere, by every replica`, async () => {
      await replicas.serve(clientsWith())
      const of = await begin(hasFactor)
      await make(of.userId)
      expect(await requestedOf(of)).to.deep.equal(expected)
    })

  it('L9 a member who signed in by the password alone is led to a second factor by the pages of the account', async () => {
    await replicas.serve(clientsWith())
    const { userId, browser } = await begin(false)
    await join(userId)
    const asked = await browser.follow('/account/sessions')
    expect(asked.url).to.contain('/interaction/')
  })
})
