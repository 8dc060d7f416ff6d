import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { reapDirectory } from '../../src/processes/reaper.ts'
import { startStack } from '../../src/product/stack.ts'
import type { Stack } from '../../src/product/stack.ts'
import { callReplica, parseCredentials } from '../../src/product/token.ts'
import { statusOf, waitForObject } from '../../src/product/wait-for.ts'

// Two tenants on the whole chain: team-a owns the API, team-b has the programs that want it.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const billing = 'https://billing.example.com'
const scopes = ['invoices:read', 'invoices:write']

describe('a client and the API of another tenant', function () {
  this.timeout(60_000)
  let stack: Stack
  let kube: KubeClient

  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const directory = mkdtempSync(join(root, '.nauthera/test-'))
    reapDirectory(directory)
    stack = await startStack({
      directory,
      replicas: 2,
      namespaces: ['team-a', 'team-b'],
      operatorSettings: { policy: { allow: { resourceServer: true } } },
    })
    kube = createKubeClient(stack.api.adminConfig)
  })
  after(() => stack?.stop())

  const put = async (kind: 'OIDCClient' | 'OIDCPolicy', at: string, name: string, spec: object) => {
    const where = kind === 'OIDCClient' ? `namespaces/${at}/oidcclients` : 'oidcpolicies'
    const { status, body } = await kube.call('PATCH', `/apis/auth.nauthera.io/v1alpha1/${where}/${name}`, {
      query: { fieldManager: 'test', force: true, fieldValidation: 'Strict' },
      body: { apiVersion: 'auth.nauthera.io/v1alpha1', kind, metadata: { name }, spec },
      contentType: 'application/apply-patch+yaml',
    })
    expect(status, JSON.stringify(body)).to.be.lessThan(300)
  }
  const api = (access: object[]) =>
    put('OIDCClient', 'team-a', 'billing', {
      type: 'M2M',
      resourceServer: { identifier: billing, scopes: scopes.map((name) => ({ name })), access },
    })
  const program = (spec: object) =>
    put('OIDCClient', 'team-b', 'program', { type: 'M2M', audiences: [billing], ...spec })
  const has = (namespace: string, name: string, type: string, reason: string) =>
    waitForObject(stack.api, 'oidcclients', { namespace, name }, (object: KubeObject | undefined) => {
      const { conditions = [], observedGeneration } = statusOf(object)
      return (
        observedGeneration === object?.metadata.generation &&
        conditions.some((one) => one.type === type && one.reason === reason)
      )
    })
  const credentialsOf = async (namespace: string, name: string) => {
    const secret = await waitForObject(
      stack.api,
      'secrets',
      { namespace, name: `${name}-oidc` },
      (found) => found !== undefined,
    )
    return parseCredentials(secret?.['data'] as Record<string, string>)
  }
  const post = async (namespace: string, name: string, path: 'token' | 'introspect', form: Record<string, string>) => {
    const { clientId, clientSecret, tokenEndpoint } = await credentialsOf(namespace, name)
    const { status, body } = await callReplica({
      port: stack.pods[0]!.port,
      url: tokenEndpoint.replace(/token$/, path),
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
      form,
    })
    return {
      status,
      ...(JSON.parse(body) as { error?: string; access_token?: string; scope?: string; active?: boolean }),
    }
  }
  const ask = (form: Record<string, string> = {}) =>
    post('team-b', 'program', 'token', { grant_type: 'client_credentials', resource: billing, ...form })

  it('K18 with no policy: no token for the API, whether it asks for scopes or only lists the audience', async () => {
    await api([])
    await program({ scopes })
    await has('team-b', 'program', 'Ready', 'NotGranted')
    await has('team-b', 'program', 'Propagated', 'Propagated')
    expect(await ask()).to.include({ status: 400, error: 'invalid_target' })
    expect(await ask({ scope: scopes.join(' ') })).to.include({ status: 400, error: 'invalid_target' })
    await program({ audiences: [billing, 'https://nobody.example.com'] })
    await has('team-b', 'program', 'Propagated', 'Propagated')
    expect(await ask({ resource: 'https://nobody.example.com' })).to.include({ status: 400, error: 'invalid_target' })
  })

  it('K18 under a policy that allows openid and profile alone: no scope of the API', async () => {
    await put('OIDCPolicy', '', 'tenants', {
      allow: { scopes: ['openid', 'profile'] },
    })
    await api([{ namespaces: ['*'] }])
    await program({})
    await has('team-b', 'program', 'Ready', 'Ready')
    const answer = await ask()
    expect(answer.status).to.equal(200)
    expect(answer.scope ?? '').to.equal('')
    expect(decodeJwt(answer.access_token!).scope ?? '').to.equal('')
    expect(await ask({ scope: 'invoices:read' })).to.include({ status: 400, error: 'invalid_scope' })
    stack.api.store.remove(stack.api.resource('oidcpolicies'), undefined, 'tenants')
  })

  it('gets what the owner of the API gives, and loses it when the owner withdraws it', async () => {
    await api([{ clientIds: ['team-b.program'], scopes: ['invoices:read'] }])
    await program({ scopes: ['invoices:read'] })
    await has('team-b', 'program', 'Ready', 'Ready')
    const answer = await ask()
    expect(answer).to.include({ status: 200, scope: 'invoices:read' })
    expect(decodeJwt(answer.access_token!)).to.include({ aud: billing, scope: 'invoices:read' })
    await has('team-a', 'billing', 'Ready', 'Ready')
    const introspect = () => post('team-a', 'billing', 'introspect', { token: answer.access_token! })
    expect(await introspect()).to.include({ active: true, scope: 'invoices:read' })

    await api([])
    await has('team-b', 'program', 'Ready', 'NotGranted')
    await has('team-b', 'program', 'Propagated', 'Propagated')
    expect(await ask()).to.include({ status: 400, error: 'invalid_target' })
    expect(await introspect()).to.include({ active: false })
  })
})
