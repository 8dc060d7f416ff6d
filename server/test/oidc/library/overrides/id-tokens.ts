import { createHash, createHmac } from 'node:crypto'
import { expect } from 'chai'
import { Browser, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchTokens } from '@nauthera/harness/flows'
import { configs, entry } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { clients } from './clients.ts'
import type { Contract } from './contract.ts'

const algorithmOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { alg: string }).alg

/** @returns where the browser of nobody who is signed in comes out */
async function logoutBy(replicas: ServerReplicas, hint: string): Promise<string | number> {
  const query = new URLSearchParams({
    id_token_hint: hint,
    post_logout_redirect_uri: 'https://app.example.com/bye',
  })
  const left = await new Browser(replicas).follow(`${replicas.issuer}/logout?${query.toString()}`)
  return left.location ?? left.status
}

const others = clients.filter(({ clientId }) => clientId !== 'app.web')
const web = (more: object) => [...others, entry('app.web', { ...configs.web, ...more })]

export const contract: Contract = {
  replaces: ['IdToken.prototype.issue', 'IdToken.validate'],
  holds: {
    'idTokens: an ID token names itself and, by its hash, the access token beside it (Core 3.1.3.6)': async (
      replicas,
    ) => {
      const resource = 'https://api.example.com'
      await replicas.serve(web({ scopes: [...configs.web.scopes!, 'read'], audiences: [resource] }))
      const seen = new Set<unknown>()
      for (const parameters of [{}, { scope: 'openid read', resource }] as const) {
        const { id, access } = await fetchTokens(replicas, { parameters })
        const { jti, at_hash: hash } = claimsOfJwt(id)
        expect(hash).to.equal(createHash('sha256').update(access).digest().subarray(0, 16).toString('base64url'))
        seen.add(jti)
      }
      expect([...seen].filter((jti) => typeof jti === 'string' && jti.length > 20)).to.have.length(2)
      await replicas.serve(clients)
    },
    'idTokens: an ID token has the claims of its scopes; with Minimal it has those of the sign-in alone': async (
      replicas,
    ) => {
      const options = { parameters: { scope: 'openid email' } }
      expect(claimsOfJwt((await fetchTokens(replicas, options)).id)).to.include({ email: 'ada@example.com' })
      await replicas.serve(web({ idTokenClaims: 'Minimal' }))
      expect(claimsOfJwt((await fetchTokens(replicas, options)).id)).to.not.have.any.keys('email', 'email_verified')
      await replicas.serve(clients)
    },
    'idTokens: with Minimal a claim from groups is at userinfo alone, and what a request names is in the ID token still':
      async (replicas) => {
        const claims = [{ name: 'roles', join: 'Array', fromGroups: [{ group: 'engineers', values: ['dev'] }] }]
        await replicas.serve(web({ claims }))
        expect(claimsOfJwt((await fetchTokens(replicas)).id)['roles']).to.deep.equal(['dev'])
        await replicas.serve(web({ claims, idTokenClaims: 'Minimal' }))
        const asked = JSON.stringify({ id_token: { email: null } })
        const { id, access } = await fetchTokens(replicas, { parameters: { claims: asked } })
        const held = claimsOfJwt(id)
        expect([held['roles'], held['email']]).to.deep.equal([undefined, 'ada@example.com'])
        const me = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
        expect(me.json()['roles']).to.deep.equal(['dev'])
        await replicas.serve(clients)
      },
    'idTokens: after a change of the algorithm an earlier ID token is still a hint of who signs out': async (
      replicas,
    ) => {
      const before = (await fetchTokens(replicas)).id
      await replicas.serve(web({ idTokenSignedResponseAlg: 'ES256' }))
      const after = (await fetchTokens(replicas)).id
      expect([algorithmOf(before), algorithmOf(after)]).to.deep.equal(['RS256', 'ES256'])
      expect(await logoutBy(replicas, before)).to.equal('https://app.example.com/bye')
      expect(await logoutBy(replicas, after)).to.equal('https://app.example.com/bye')
      await replicas.serve(clients)
    },
    'idTokens: T2 a hint that is signed by nobody, or by our public key as a password, is refused': async (
      replicas,
    ) => {
      const [, claims = '', signature = ''] = (await fetchTokens(replicas)).id.split('.')
      const header = (alg: string) => Buffer.from(JSON.stringify({ alg })).toString('base64url')
      const hmac = createHmac('sha256', 'a public key')
        .update(`${header('HS256')}.${claims}`)
        .digest('base64url')
      for (const [alg, signed] of [
        ['none', ''],
        ['HS256', hmac],
        ['ES256', signature],
        ['RS256', hmac],
      ] as const)
        expect(await logoutBy(replicas, `${header(alg)}.${claims}.${signed}`), alg).to.equal(400)
      expect(await logoutBy(replicas, 'no token')).to.equal(400)
    },
  },
}
