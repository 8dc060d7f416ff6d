import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { createRegisteredClient } from '../../../src/clients/registered-client.ts'
import { backchannelFailed, createTellLogout } from '../../../src/oidc/artefacts/back-channel.ts'
import { createLogoutTurns } from '../../../src/oidc/artefacts/logout-turns.ts'
import type { Claimed } from '../../../src/store/outbox/outbox.ts'

const uri = 'https://app.example.com/logout'
const use = { clientUid: 'uid-a', clientId: 'app.a', userId: 'a-person', sid: 'a-session' }
const work: Claimed = {
  id: 'a-row',
  kind: 'backchannel-logout',
  tries: 3,
  createdAt: new Date(),
  left: () => 0,
  open: () => use,
}

const clientWith = (config: { backchannelLogoutUri?: string; suspended?: boolean }, uid = 'uid-a') =>
  createRegisteredClient({
    clientId: 'app.a',
    uid,
    namespace: 'default',
    name: 'a',
    shard: 0,
    verifiers: [],
    version: renderVersion(create(ClientConfigSchema, { generation: 1n, backchannelLogoutUri: uri, ...config })),
    api: undefined,
    granted: [],
  })

/** A try, and what it does: the tokens that it mints and the requests that it sends. */
function trying(
  answer: () => Response,
  on: { client?: ReturnType<typeof clientWith> | undefined; knowsAll?: boolean } = { client: clientWith({}) },
) {
  const sent: { url: string; body: string }[] = []
  let minted = 0
  const clock = { now: 0 }
  const attempt = createTellLogout({
    clientOf: () => on.client,
    knowsAll: () => on.knowsAll ?? true,
    mint: async (_client, { accountId, sid }) => `${accountId} ${sid} ${++minted}`,
    fetch: async (url, init) => {
      sent.push({ url: String(url), body: typeof init?.body === 'string' ? init.body : '' })
      return answer()
    },
    turns: createLogoutTurns({ share: 4, now: () => clock.now }),
  })
  return { attempt, sent, clock }
}
const status = (code: number) => () => new Response(null, { status: code })

describe(createTellLogout.name, () => {
  for (const code of [200, 204])
    it(`is done when the application answers ${code}`, async () => {
      const { attempt, sent } = trying(status(code))
      expect(await attempt(work)).to.deep.equal({ kind: 'done' })
      expect(sent).to.deep.equal([{ url: uri, body: 'logout_token=a-person+a-session+1' }])
    })

  it('is never tried again when the application answers 400: it does not take the token', async () => {
    expect(await trying(status(400)).attempt(work)).to.deep.equal({
      kind: 'never',
      reason: 'the application answered 400',
    })
  })

  for (const code of [201, 302, 401, 404, 429, 500, 503])
    it(`is tried again later when the application answers ${code}`, async () => {
      expect(await trying(status(code)).attempt(work)).to.deep.equal({
        kind: 'later',
        reason: `the application answered ${code}`,
      })
    })

  it('is tried again later, with a new token, when nobody answers', async () => {
    const { attempt, sent, clock } = trying(() => {
      throw new Error('connect ECONNREFUSED')
    })
    const reason = 'the application gave no answer: connect ECONNREFUSED'
    expect(await attempt(work)).to.deep.equal({ kind: 'later', reason })
    clock.now = 10_000
    expect(await attempt(work)).to.deep.equal({ kind: 'later', reason })
    expect(sent.map(({ body }) => body.at(-1))).to.deep.equal(['1', '2'])
  })

  it('is refused as what a row never holds when its payload has another shape', async () => {
    const { attempt, sent } = trying(status(200))
    const refused = await attempt({ ...work, open: () => ({ ...use, sid: 7 }) }).catch((error: unknown) => error)
    expect(refused).to.have.property('code', 'STORED_VALUE_INVALID')
    expect(sent).to.deep.equal([])
  })

  it('leaves an application alone for 10 s that has just failed, whatever else it is to be told', async () => {
    const { attempt, sent, clock } = trying(status(503))
    await attempt(work)
    clock.now = 9_999
    for (let count = 0; count < 20; count++)
      expect(await attempt(work)).to.deep.equal({
        kind: 'put-off',
        reason: 'the application failed a moment ago',
        delayMs: 1,
      })
    expect(sent).to.have.length(1)
    clock.now = 10_000
    await attempt(work)
    expect(sent).to.have.length(2)
  })

  it('says nothing about an application when the token could not be made, and takes no place for ever', async () => {
    const turns = createLogoutTurns({ share: 1, now: () => 0 })
    const attempt = createTellLogout({
      clientOf: () => clientWith({}),
      knowsAll: () => true,
      mint: () => Promise.reject(new Error('no key')),
      fetch: () => Promise.reject(new Error('never sent')),
      turns,
    })
    for (let count = 0; count < 3; count++)
      expect(await attempt(work).catch((error: Error) => error.message)).to.equal('no key')
  })

  for (const [sentence, client] of [
    ['is gone', undefined],
    ['has its id from another object by now', clientWith({}, 'uid-b')],
    ['does not want to be told', clientWith({ backchannelLogoutUri: '' })],
  ] as const)
    it(`sends nothing when the client ${sentence}`, async () => {
      const { attempt, sent } = trying(status(200), { client })
      expect([await attempt(work), sent]).to.deep.equal([{ kind: 'done' }, []])
    })

  it('tells a suspended client too', async () => {
    const { attempt, sent } = trying(status(200), { client: clientWith({ suspended: true }) })
    await attempt(work)
    expect(sent).to.have.length(1)
  })

  it('waits for all clients before it takes one for gone', async () => {
    const { attempt } = trying(status(200), { client: undefined, knowsAll: false })
    expect(await attempt(work)).to.deep.equal({ kind: 'later', reason: 'not all clients are known yet' })
  })
})

describe(backchannelFailed.name, () => {
  it('says which application was not told of whose session, and why', () => {
    expect(backchannelFailed(work, 'the application answered 503')).to.deep.equal({
      event: 'logout.backchannel_failed',
      outcome: 'failure',
      reason: 'the application answered 503',
      clientUid: 'uid-a',
      clientId: 'app.a',
      userId: 'a-person',
      detail: { id: 'a-row', tries: 3 },
    })
  })
})
