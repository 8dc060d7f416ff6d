import { expect } from 'chai'
import { Browser, basic } from '@nauthera/harness/browser'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import type { Code } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { ask, closeConnections, comparable } from './asked-twice.ts'
import type { LaneRequest, Got } from './asked-twice.ts'

// A client that is changed between a sign-in and the use of what it gave, in the machine lane against the library.

const { web } = configs
const isOk = ({ status }: Got): boolean => status === 200

type Changed =
  'scopes' | 'grantTypes' | 'allowedGroups' | 'subjectType' | 'dpopBoundAccessTokens' | 'redirectUris' | 'suspended'

const changes: readonly [string, Partial<Pick<ClientConfig, Changed>>][] = [
  ['it may have fewer scopes', { scopes: ['openid', 'offline_access'] }],
  ['it may have no ID tokens', { scopes: ['email'] }],
  ['it may have no refresh tokens', { grantTypes: ['authorization_code'] }],
  ['it may use no codes', { grantTypes: ['refresh_token'] }],
  ['it is for a group that the person is not in', { allowedGroups: ['others'] }],
  ['it is for a group of the person', { allowedGroups: ['engineers'] }],
  ['it gets pairwise subjects', { subjectType: 'pairwise' }],
  ['its tokens are bound to keys', { dpopBoundAccessTokens: true }],
  ['it has another redirect URI', { redirectUris: ['https://app.example.com/new'] }],
  ['it is suspended', { suspended: true }],
]

describe('the machine lane: a client that was changed since the sign-in', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await addPerson(replicas, 'ada', ['engineers'])
  })
  after(async () => {
    closeConnections()
    await replicas.stop()
  })

  const ofForm = (fields: Readonly<Record<string, string>>): LaneRequest => ({
    path: '/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic('app.web', clientSecret) },
    body: new URLSearchParams(fields).toString(),
  })
  const ofCode = ({ value, proof: { verifier } }: Code) =>
    ofForm({ grant_type: 'authorization_code', code: value, redirect_uri: redirectUri, code_verifier: verifier })
  const ofRefresh = (token: string) => ofForm({ grant_type: 'refresh_token', refresh_token: token })
  const ofUserinfo = (token: string): LaneRequest => ({
    method: 'GET',
    path: '/userinfo',
    headers: { authorization: `Bearer ${token}` },
    body: '',
  })

  /** @returns both answers, after both are known to be the same */
  async function askTwice(one: LaneRequest, other: LaneRequest): Promise<readonly [Got, Got]> {
    const both = [await ask(replicas, one, 'whole'), await ask(replicas, other, 'chunks')] as const
    expect(comparable(both[0])).to.deep.equal(comparable(both[1]))
    return both
  }

  for (const [what, change] of changes)
    it(`answers as the library does, and uses up no code that it refuses: ${what}`, async () => {
      await replicas.serve([entry('app.web', web)])
      const browser = new Browser(replicas)
      const parameters = { scope: 'openid email offline_access', nonce: 'n-1' }
      const next = () => fetchCode(replicas, { browser, parameters })
      const codes = [await next(), await next()] as const
      const [one, other] = [
        tokensOf(await redeem(replicas, await next())),
        tokensOf(await redeem(replicas, await next())),
      ]
      await replicas.serve([entry('app.web', { ...web, ...change })])
      const answers = await askTwice(ofCode(codes[0]), ofCode(codes[1]))
      await askTwice(ofRefresh(one.refresh), ofRefresh(other.refresh))
      await askTwice(ofUserinfo(one.access), ofUserinfo(other.access))
      await replicas.serve([entry('app.web', web)])
      for (const [at, code] of codes.entries())
        expect(isOk(await ask(replicas, ofCode(code), 'whole'))).to.equal(!isOk(answers[at]!))
    })
})
