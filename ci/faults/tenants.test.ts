import { mkdirSync, mkdtempSync, chmodSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import { claimsOfJwt } from '@nauthera/harness/flows'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { parseCredentials } from '@nauthera/local/product/token'
import { isReady, statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'

// Two tenants and one API, from the object of its owner to the token of a caller: operator, agents and two servers.

const payroll = 'https://payroll.team-b.example.com'
const nobodys = 'https://nobodys.example.com'
const scopes = ['pay:read', 'pay:write']
const root = fileURLToPath(new URL('../..', import.meta.url))

describe('T13 K18 the API of another tenant, through the whole chain', function () {
  this.timeout(80_000)
  let stack: Stack
  let kube: KubeClient

  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const directory = mkdtempSync(join(root, '.nauthera/faults-'))
    // the database's account is another one, and passes through
    chmodSync(directory, 0o711)
    reapDirectory(directory)
    stack = await startStack({
      directory,
      replicas: 2,
      namespaces: ['team-a', 'team-b'],
      operatorSettings: { policy: { allow: { resourceServer: true } } },
    })
    kube = createKubeClient(stack.api.adminConfig)
    await apply('team-b', 'payroll', api())
    await ready('team-b', 'payroll')
    await apply('team-a', 'bare', { audiences: [payroll] })
    await apply('team-a', 'worker', { audiences: [payroll], scopes: ['pay:read', 'pay:write'] })
    await apply('team-a', 'lost', { audiences: [nobodys], scopes: ['anything'] })
  })
  after(() => stack?.stop())

  const api = (access?: object[]) => ({
    resourceServer: {
      identifier: payroll,
      scopes: scopes.map((name) => ({ name })),
      ...(access === undefined ? {} : { access }),
    },
  })
  async function apply(namespace: string, name: string, spec: object): Promise<void> {
    const body = {
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { name, namespace },
      spec: { type: 'M2M', ...spec },
    }
    const path = `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}`
    const options = { body, contentType: 'application/apply-patch+yaml', query: { fieldManager: 'test', force: true } }
    const answer = await kube.call('PATCH', path, options as never)
    if (answer.status >= 300) throw new Error(`${name}: ${answer.status} ${String(answer.body.message)}`)
  }
  const ready = (namespace: string, name: string) =>
    waitForObject(stack.api, 'oidcclients', { namespace, name }, isReady)
  const notGranted = (name: string) =>
    waitForObject(stack.api, 'oidcclients', { namespace: 'team-a', name }, (object) =>
      (statusOf(object).conditions ?? []).some(
        ({ type, status, reason }) => type === 'AudiencesGranted' && status === 'False' && reason === 'NotGranted',
      ),
    )
  const credentials = async (namespace: string, name: string) => {
    const secret = await waitForObject(
      stack.api,
      'secrets',
      { namespace, name: `${name}-oidc` },
      (one) => one !== undefined,
    )
    return parseCredentials((secret as Json)?.data)
  }
  const target = (): Target => ({ issuer: stack.issuer, origin: (pod) => `http://127.0.0.1:${stack.pods[pod]!.port}` })
  const ask = async (name: string, form: Record<string, string> = {}, replica = 0) => {
    const { clientId, clientSecret } = await credentials('team-a', name)
    return send(target(), {
      replica,
      path: '/token',
      headers: basic(clientId, clientSecret),
      form: { grant_type: 'client_credentials', ...form },
    })
  }
  const introspect = async (token: string, replica: number) => {
    const { clientId, clientSecret } = await credentials('team-b', 'payroll')
    const headers = basic(clientId, clientSecret)
    return (await send(target(), { replica, path: '/introspect', headers, form: { token } })).json()
  }
  /** Asks again and again; what the servers do not know within ten seconds fails the test. */
  async function until<T>(about: string, look: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
    const end = performance.now() + 10_000
    for (;;) {
      const found = await look()
      if (holds(found)) return found
      if (performance.now() > end) throw new Error(`after 10 s: ${about}: ${JSON.stringify(found)}`)
    }
  }
  const untilRefused = async (name: string) => {
    for (const replica of [0, 1])
      await until(
        `${name} gets a token`,
        () => ask(name, {}, replica),
        ({ status }) => status === 400,
      )
  }

  it('gives a client that lists it no token for it, and none for an audience that nobody declares', async () => {
    for (const name of ['bare', 'worker', 'lost']) {
      await notGranted(name)
      await untilRefused(name)
      const resource = name === 'lost' ? nobodys : payroll
      for (const form of [{}, { resource }, { resource, scope: 'pay:read' }]) {
        const answer = await ask(name, form)
        expect([answer.status, answer.json()['error']], name).to.deep.equal([400, 'invalid_target'])
        expect(answer.json()['error_description']).to.contain('AudiencesGranted')
      }
    }
  })

  it('gives exactly what its owner opens, and takes it back within ten seconds, also from a JWT that is introspected', async () => {
    await apply('team-b', 'payroll', api([{ namespaces: ['team-a'], scopes: ['pay:read'] }]))
    const tokens = await Promise.all(
      [0, 1].map((replica) =>
        until(
          'no token',
          () => ask('worker', {}, replica),
          ({ status }) => status === 200,
        ),
      ),
    )
    for (const answer of tokens) {
      expect(answer.json()['scope']).to.equal('pay:read')
      expect(claimsOfJwt(String(answer.json()['access_token']))).to.include({ aud: payroll, scope: 'pay:read' })
    }
    const more = await ask('worker', { scope: 'pay:read pay:write' })
    expect([more.status, more.json()['error']]).to.deep.equal([400, 'invalid_scope'])
    // the one that lists the audience alone may come, and gets no scope
    const bare = await until(
      'no token',
      () => ask('bare'),
      ({ status }) => status === 200,
    )
    expect(claimsOfJwt(String(bare.json()['access_token']))).to.not.have.property('scope')

    const token = String(tokens[0]!.json()['access_token'])
    for (const replica of [0, 1])
      expect(await introspect(token, replica)).to.include({ active: true, scope: 'pay:read' })
    await apply('team-b', 'payroll', api([]))
    await untilRefused('worker')
    for (const replica of [0, 1])
      await until(
        'the JWT is active',
        () => introspect(token, replica),
        ({ active }) => active === false,
      )
    await notGranted('worker')
  })

  it('gives nothing to a client that is deleted and made anew at once under the id of another tenant', async () => {
    await apply('team-b', 'payroll', api([{ clientIds: ['team-b.caller'] }]))
    for (const namespace of ['team-a', 'team-b']) await apply(namespace, 'caller', { audiences: [payroll], scopes })
    const had = await credentials('team-a', 'caller')
    const askAs = ({ clientId, clientSecret }: typeof had, replica: number) =>
      send(target(), {
        replica,
        path: '/token',
        headers: basic(clientId, clientSecret),
        form: { grant_type: 'client_credentials' },
      })
    const path = '/apis/auth.nauthera.io/v1alpha1/namespaces/team-a/oidcclients/caller'
    await kube.call('DELETE', path, { query: { propagationPolicy: 'Orphan' } } as never)
    await apply('team-a', 'caller', { audiences: [payroll], scopes, clientId: 'team-b.caller' })
    await waitForObject(stack.api, 'oidcclients', { namespace: 'team-a', name: 'caller' }, (object) =>
      (statusOf(object).conditions ?? []).some(({ type, status }) => type === 'Accepted' && status === 'False'),
    )
    const theirs = await credentials('team-b', 'caller')
    for (const replica of [0, 1]) {
      const seen = new Set<number>()
      await until(
        'a server knows its secret',
        () => askAs(had, replica),
        ({ status }) => seen.add(status).has(401),
      )
      expect([...seen], 'no token at any moment').not.to.include(200)
      expect((await askAs({ ...had, clientId: 'team-b.caller' }, replica)).status).to.equal(401)
      const granted = await until(
        'who has the id gets no token',
        () => askAs(theirs, replica),
        ({ status }) => status === 200,
      )
      expect(granted.json()['scope']).to.equal('pay:read pay:write')
    }
  })
})
