import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { JSONWebKeySet, JWK } from 'jose'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { basic, send } from '@nauthera/harness/browser'
import { fetchTokens } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { waitFor } from '../store/wait-for.ts'
import { privateKey, setOf } from './keys/key-pairs.ts'

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

describe('an algorithm for each use', () => {
  let replicas: ServerReplicas
  let directory: string
  let jwksFile: string
  const keys = algorithms.map((alg) => privateKey(alg, `file-${alg}`))
  before(async () => {
    directory = temporaryDirectory('algorithms')
    jwksFile = join(directory, 'jwks.json')
    writeFileSync(jwksFile, setOf(...keys))
    replicas = await startReplicas({
      settings: { signing: { algorithms, idToken: 'PS256', accessToken: 'EdDSA', userinfo: 'ES256', jwksFile } },
    })
    await addPerson(replicas, 'ada')
    const own = { idTokenSignedResponseAlg: 'RS256', userinfoSignedResponseAlg: 'EdDSA' }
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.own', { ...configs.web, ...own }),
      entry('app.machine', configs.machine, { granted: { 'https://api.example.com': [] } }),
      entry(
        'app.es',
        { ...configs.machine, accessTokenSignedResponseAlg: 'ES256' },
        { granted: { 'https://api.example.com': [] } },
      ),
    ])
  })
  after(() => replicas.stop())

  const jwks = async () =>
    (await send(replicas, { path: '/jwks' })).json() as unknown as JSONWebKeySet & { keys: JWK[] }
  const verified = async (token: string) => (await jwtVerify(token, createLocalJWKSet(await jwks()))).protectedHeader
  const userinfo = (token: string) =>
    send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })

  it('signs ID tokens, access tokens and userinfo as the settings say, with the keys of the file', async () => {
    const tokens = await fetchTokens(replicas)
    expect(await verified(tokens.id)).to.include({ alg: 'PS256', kid: 'file-PS256' })
    const answer = await userinfo(tokens.access)
    expect(answer.headers['content-type']).to.match(/^application\/jwt/)
    expect(await verified(answer.body)).to.include({ alg: 'ES256', kid: 'file-ES256' })
    const machine = async (id: string) =>
      String(
        (
          await send(replicas, {
            path: '/token',
            headers: basic(id, clientSecret),
            form: { grant_type: 'client_credentials' },
          })
        ).json()['access_token'],
      )
    expect(await verified(await machine('app.machine'))).to.include({ alg: 'EdDSA', kid: 'file-EdDSA' })
    expect(await verified(await machine('app.es'))).to.include({ alg: 'ES256', kid: 'file-ES256' })
  })

  it('signs as the client says where it says something', async () => {
    const tokens = await fetchTokens(replicas, { parameters: { client_id: 'app.own' }, clientId: 'app.own' })
    expect(await verified(tokens.id)).to.include({ alg: 'RS256' })
    expect(await verified((await userinfo(tokens.access)).body)).to.include({ alg: 'EdDSA' })
  })

  it('T10 publishes the algorithms that there are keys for, and nothing of a private part', async () => {
    const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
    for (const use of ['id_token', 'userinfo', 'authorization'])
      expect(metadata[`${use}_signing_alg_values_supported`]).to.have.members([...algorithms])
    expect((await jwks()).keys.map(({ kid }) => kid)).to.have.members(algorithms.map((alg) => `file-${alg}`))
    for (const key of (await jwks()).keys)
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'key_ops']) expect(key).to.not.have.property(member)
  })

  it('takes a changed file into the running server: the new key is published, and the earlier one signs', async () => {
    writeFileSync(jwksFile, setOf(privateKey('PS256', 'newer'), ...keys))
    await waitFor(async () =>
      (await jwks()).keys.some(({ kid }) => kid === 'newer') ? undefined : 'the new key in /jwks',
    )
    expect(await verified((await fetchTokens(replicas)).id)).to.include({ kid: 'file-PS256' })
  })
})
