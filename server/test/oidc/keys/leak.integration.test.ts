import { expect } from 'chai'
import { keyPolicy } from '../../../src/oidc/lifetimes.ts'
import { cachesHold } from '../../../src/jwks-age.ts'
import { createKeyRing } from '../../../src/oidc/keys/ring.ts'
import { authorizationUrl, basic, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchTokens, introspect, refresh, request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { pkce } from '@nauthera/harness/browser'
import { keepLog } from '../../http/harness.ts'

describe('a signing key that leaked', () => {
  let replicas: ServerReplicas
  const algorithms = ['ES256', 'RS256'] as const
  const signing = { algorithms, publishBefore: 900_000, rotateEvery: 30 * 86_400_000 }
  before(async () => {
    replicas = await startReplicas({
      count: 2,
      settings: { signing: { algorithms: ['ES256', 'RS256'] } },
    })
    await addPerson(replicas, 'ada')
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.machine', configs.machine, { granted: { 'https://api.example.com': [] } }),
      entry('app.api', configs.api),
    ])
  })
  after(() => replicas.stop())

  const parameters = { scope: 'openid offline_access' }
  /** What the command line does, in a process of its own. */
  async function asCommand<T>(work: (ring: ReturnType<typeof createKeyRing>) => Promise<T>): Promise<T> {
    const { keys } = replicas.apps[0]!.store
    const ring = createKeyRing({ keys, algorithms, policy: keyPolicy(signing), now: Date.now, log: keepLog() })
    try {
      return await work(ring)
    } finally {
      await ring.stop()
    }
  }
  const machineToken = async (replica = 0): Promise<string> => {
    const headers = basic('app.machine', clientSecret)
    const form = { grant_type: 'client_credentials' }
    return String((await send(replicas, { replica, path: '/token', headers, form })).json()['access_token'])
  }
  const kidOf = (token: string) =>
    (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid
  const published = async (replica: number): Promise<string[]> =>
    ((await send(replicas, { replica, path: '/jwks' })).json() as { keys: { kid: string }[] }).keys.map(
      ({ kid }) => kid,
    )
  const isActive = async (token: string, replica: number) => {
    const headers = basic('app.api', clientSecret)
    return (await send(replicas, { replica, path: '/introspect', headers, form: { token } })).json()['active']
  }
  /** Every replica has read the keys anew: the message of PostgreSQL reaches each within moments. */
  const untilAll = async (isSo: (kids: string[]) => boolean) => {
    for (const replica of [0, 1]) while (!isSo(await published(replica))) await new Promise(setImmediate)
  }

  it('--now publishes the next key at once, and uses it as soon as caches have it; a next key that waits longer is moved forward', async () => {
    const old = kidOf(await machineToken())
    await asCommand(async (ring) => {
      await ring.load()
      await ring.rotate()
      const waiting = (await replicas.apps[0]!.store.keys.summaries()).filter(({ activeAt }) => +activeAt > Date.now())
      expect(waiting).to.have.length(3)
      for (const { activeAt } of waiting) expect(+activeAt - Date.now()).to.be.within(800_000, 900_000)
      await ring.publishNow()
    })
    const waiting = (await replicas.apps[0]!.store.keys.summaries()).filter(({ activeAt }) => +activeAt > Date.now())
    expect(waiting).to.have.length(3)
    for (const { activeAt, createdAt } of waiting) expect(+activeAt - +createdAt).to.be.at.most(cachesHold)
    await untilAll((kids) => waiting.filter(({ use }) => use === 'sig').every(({ id }) => kids.includes(id)))
    expect(kidOf(await machineToken(1))).to.equal(old)
  })

  it('--cut ends the old keys on every replica at once: what they signed is refused, and refresh tokens go on', async () => {
    const token = await machineToken()
    const tokens = await fetchTokens(replicas, { parameters })
    expect([await isActive(token, 0), await isActive(token, 1)]).to.deep.equal([true, true])
    const before = new Set(await published(0))
    expect(await asCommand((ring) => ring.cutOff('signing'))).to.equal(before.size)
    await untilAll((kids) => kids.every((kid) => !before.has(kid)))
    expect([await isActive(token, 0), await isActive(token, 1)]).to.deep.equal([false, false])
    const newTokens = [await machineToken(0), await machineToken(1)]
    expect(newTokens.map(kidOf).some((kid) => before.has(kid))).to.equal(false)
    expect(await isActive(newTokens[0]!, 1)).to.equal(true)

    const hint = authorizationUrl(replicas.issuer, { ...request(pkce()), prompt: 'none', id_token_hint: tokens.id })
    const refused = await send(replicas, { path: hint.slice(replicas.issuer.length) })
    expect(refused.headers['location']).to.contain('invalid_request')
    const refreshed = await refresh(replicas, tokens.refresh)
    expect(refreshed.status).to.equal(200)
    expect(before.has(kidOf(String(refreshed.json()['id_token'])))).to.equal(false)
    expect((await introspect(replicas, String(refreshed.json()['access_token']))).json()['active']).to.equal(true)
    expect(claimsOfJwt(newTokens[0]!)['client_id']).to.equal('app.machine')
  })

  it('--cut all ends cookies, refresh tokens and opaque access tokens as well', async () => {
    const tokens = await fetchTokens(replicas, { parameters })
    const old = new Set(await published(0))
    const ended = await asCommand((ring) => ring.cutOff('all'))
    // two cookie keys: one of them waited to be used
    expect(ended).to.equal(old.size + 2)
    await untilAll((kids) => kids.every((kid) => !old.has(kid)))
    for (const replica of [0, 1]) {
      expect((await refresh(replicas, tokens.refresh, { replica })).json()['error']).to.equal('invalid_grant')
      expect((await introspect(replicas, tokens.access, { replica })).json()['active']).to.equal(false)
    }
    const told = await replicas.apps[0]!.store.audit.search({ event: 'key.removed', limit: 99 })
    expect(told.map(({ detail }) => detail!['key'])).to.include.members([...old])
  })
})
