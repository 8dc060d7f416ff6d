import { expect } from 'chai'
import fc from 'fast-check'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { isServed, mayHave, standsOf } from './support/access-oracle.ts'
import { clientsOf, identifiersOf, namespaceOf, worlds } from './support/access-worlds.ts'
import type { CallerName, ClientName, AccessWorld } from './support/access-worlds.ts'
import { accessTokenType, exchangeGrant, startServedCluster } from './support/served-cluster.ts'
import type { ServedCluster } from './support/served-cluster.ts'

// Any clients, APIs and policies: what each caller gets at each API is what docs/fields.md says, by every grant, from real servers that serve
// what a real operator decides. The worlds of one case are in one cluster, each with namespaces of its own.

const words = ['read', 'write', 'admin']
const types = ['payment', 'statement']
const callers = ['job', 'box', 'app'] as const

describe('T13 K18 what a caller may have at an API', function () {
  let replicas: ServerReplicas
  let browser: Browser
  let served: ServedCluster
  let requests = 0
  let grants = 0
  let refusals = 0

  before(async () => {
    replicas = await startReplicas({ count: 3 })
    await addPerson(replicas, 'ada')
    browser = new Browser(replicas)
  })
  after(() => replicas.stop())

  const idOf = (world: AccessWorld, name: string) => `${namespaceOf(world, name)}.${name}`
  const ask = (world: AccessWorld, name: string, form: Record<string, string>) =>
    served.ask(idOf(world, name), '/token', form, requests++ % 3)
  const scopeOf = (answer: Answer): string[] =>
    ((answer.json()['scope'] as string | undefined) ?? '').split(' ').filter((one) => one !== '' && one !== 'openid')
  /** Exactly this, and nothing of what is left out. */
  const expectScopes = (answer: Answer, expected: readonly string[], what: string) => {
    expect(answer.status, `${what}: ${answer.body}`).to.equal(200)
    expect(scopeOf(answer).toSorted(), what).to.deep.equal(expected.toSorted())
    grants++
  }
  const expectError = (answer: Answer, errors: readonly string[], what: string) => {
    expect(answer.json()['error'], `${what}: ${answer.body}`).to.be.oneOf(errors)
    refusals++
  }
  const expectLook = async (
    world: AccessWorld,
    token: string,
    resource: string,
    scopes: readonly string[],
    by: CallerName,
    what: string,
  ) => {
    const said = await served.ask(idOf(world, by), '/introspect', { token }, requests++ % 3)
    expect(said.json(), what).to.include({ active: true, aud: resource })
    expectScopes(said, scopes, `introspection, ${what}`)
  }

  /** A machine by its own right. */
  async function checkMachine(world: AccessWorld, by: 'job' | 'box', resource: string) {
    const what = `${by} at ${resource}`
    const own = { grant_type: 'client_credentials', resource }
    if (!standsOf(world, by)) return expectError(await ask(world, by, own), ['invalid_client'], what)
    const { isGranted, scopes } = mayHave(world, by, resource)
    const answer = await ask(world, by, own)
    if (!isGranted) return expectError(answer, ['invalid_target'], what)
    expectScopes(answer, scopes, what)
    const over = words.filter((word) => !scopes.includes(word))
    for (const word of over)
      expectError(await ask(world, by, { ...own, scope: word }), ['invalid_scope'], `${word} of ${what}`)
    return expectLook(world, answer.json()['access_token'] as string, resource, scopes, by, what)
  }

  /** @returns where the server sends the person back to; undefined where it shows a page instead */
  async function authorize(world: AccessWorld, resource: string, scope: string, details: readonly string[]) {
    const proof = pkce()
    const authorization_details = JSON.stringify(details.map((type) => ({ type })))
    const parameters = {
      client_id: idOf(world, 'app'),
      resource,
      scope,
      ...(details.length > 0 ? { authorization_details } : {}),
    }
    const url = authorizationUrl(replicas.issuer, request(proof, parameters))
    if (!standsOf(world, 'app')) {
      expect((await browser.follow(url)).location, `sign-in at ${parameters.client_id}`).to.equal(undefined)
      return undefined
    }
    return { back: (await browser.authorize(url, 'ada')).searchParams, proof }
  }

  /** An application for a person: the code, its refresh token, and what an API makes of its token. */
  async function checkApp(world: AccessWorld, resource: string) {
    const what = `app at ${resource}`
    const { isGranted, scopes, types: granted } = mayHave(world, 'app', resource)
    const signedIn = await authorize(world, resource, ['openid', ...scopes].join(' '), granted)
    if (!signedIn) return
    const { back, proof } = signedIn
    if (!isGranted) {
      expect(back.get('error'), what).to.equal('invalid_target')
      refusals++
      return
    }
    expect(back.get('error_description'), what).to.equal(null)
    const code = { code: back.get('code')!, redirect_uri: redirectUri, code_verifier: proof.verifier, resource }
    const answer = await ask(world, 'app', { grant_type: 'authorization_code', ...code })
    expectScopes(answer, scopes, what)
    const detailsOf = (said: Answer) =>
      ((said.json()['authorization_details'] ?? []) as { type: string }[]).map(({ type }) => type)
    expect(detailsOf(answer).toSorted(), what).to.deep.equal(granted.toSorted())
    await expectLook(world, answer.json()['access_token'] as string, resource, scopes, 'app', what)
    const next = { grant_type: 'refresh_token', refresh_token: answer.json()['refresh_token'] as string, resource }
    const again = await ask(world, 'app', next)
    expectScopes(again, scopes, `refresh, ${what}`)
    expect(detailsOf(again).toSorted(), `refresh, ${what}`).to.deep.equal(granted.toSorted())
    // a scope that the client does not list is no scope of a sign-in at all, and left out (Core 3.1.2.1)
    for (const word of words.filter((one) => world.callers.app.scopes.includes(one) && !scopes.includes(one)))
      expect((await authorize(world, resource, `openid ${word}`, []))!.back.get('error'), what).to.equal(
        'invalid_scope',
      )
    // a type that only another API has may be told in either way
    for (const type of types.filter((one) => !granted.includes(one)))
      expect((await authorize(world, resource, 'openid', [type]))!.back.get('error'), what).to.be.oneOf([
        'invalid_authorization_details',
        'invalid_target',
      ])
    if (resource === identifiersOf(world).box) await checkExchange(world, again.json()['access_token'] as string)
  }

  /** The API that received a person's token, at each of the others. */
  async function checkExchange(world: AccessWorld, received: string) {
    for (const resource of Object.values(identifiersOf(world))) {
      const what = `exchange at ${resource}`
      const { isGranted, scopes } = mayHave(world, 'box', resource)
      const form = { grant_type: exchangeGrant, subject_token: received, subject_token_type: accessTokenType, resource }
      // within one API a token never gets what the one before it lacks
      if (resource === identifiersOf(world).box) continue
      const scope: Record<string, string> = scopes.length > 0 ? { scope: scopes.join(' ') } : {}
      const answer = await ask(world, 'box', { ...form, ...scope })
      if (!isGranted) {
        expectError(answer, ['invalid_target'], what)
        continue
      }
      expectScopes(answer, scopes, what)
      for (const word of words.filter((one) => !scopes.includes(one)))
        expectError(await ask(world, 'box', { ...form, scope: word }), ['invalid_scope'], `${word}, ${what}`)
    }
  }

  /** @returns the clients of which a replica does not serve just what there is to serve */
  const unsettled = (world: AccessWorld): string[] =>
    clientsOf(world).flatMap(({ name, namespace }) => (isSettled(world, name, namespace) ? [] : [name]))
  const isSettled = (world: AccessWorld, name: ClientName, namespace: string): boolean => {
    const condition = served.cluster.condition(name, 'Ready', namespace)
    const clients = served.servedBy(`${namespace}.${name}`)
    if (!isServed(world, name)) return condition?.status === 'False' && clients.every((client) => client === undefined)
    if (name === 'pay') return clients.every((client) => client !== undefined)
    const expected = Object.values(identifiersOf(world)).flatMap((identifier) => {
      const { isGranted, scopes, types: given } = mayHave(world, name, identifier)
      return isGranted ? [`${identifier} ${[...scopes, ...given].toSorted().join(' ')}`] : []
    })
    return clients.every((client) => {
      const granted = client?.granted?.map((one) =>
        [one.identifier, [...one.scopes, ...(one.types ?? [])].toSorted().join(' ')].join(' '),
      )
      return granted?.toSorted().join() === expected.toSorted().join()
    })
  }

  /** How often some caller may have a token for some API. */
  const allowedIn = (all: readonly AccessWorld[]): number =>
    all
      .flatMap((world) => Object.values(identifiersOf(world)).map((resource) => ({ world, resource })))
      .flatMap(({ world, resource }) =>
        callers.filter((by) => standsOf(world, by) && mayHave(world, by, resource).isGranted),
      ).length

  it('is what docs/fields.md says, for a machine, a person, a refresh, an exchange and at introspection', async () => {
    await fc.assert(
      // one case in fifty allows next to nothing, and would tell nothing
      fc.asyncProperty(
        worlds(10).filter((all) => allowedIn(all) > 10),
        async (all) => {
          served = await startServedCluster(replicas)
          try {
            for (const world of all) {
              for (const [team, labels] of Object.entries(world.teams))
                served.putNamespace(`${team}${world.at}`, labels)
              for (const [index, spec] of world.policies.entries()) served.putPolicy(`world${world.at}-${index}`, spec)
            }
            for (const world of all)
              for (const { name, namespace, spec } of clientsOf(world))
                await served.cluster.apply(name, spec, { namespace })
            served.operator.clock.leap(3_000)
            const open = () => all.flatMap((world) => unsettled(world).map((name) => ({ name, world })))
            await served.cluster
              .until(() => open().length === 0, 'all worlds are served')
              .catch((error: unknown) => {
                throw new Error(`it is not served as it should be: ${JSON.stringify(open()[0])}`, { cause: error })
              })
            for (const world of all) {
              for (const resource of Object.values(identifiersOf(world))) {
                await checkMachine(world, 'job', resource)
                await checkMachine(world, 'box', resource)
                await checkApp(world, resource)
              }
            }
          } finally {
            await served.stop()
          }
        },
      ),
      { numRuns: propertyRuns(1), endOnFailure: true },
    )
    expect(Math.min(grants, refusals), 'both happen').to.be.greaterThan(0)
  })
})
