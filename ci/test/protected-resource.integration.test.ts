import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import * as oauth from 'oauth4webapi'
import { parse } from 'yaml'
import { basic, send } from '@nauthera/harness/browser'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { valuesOf } from '@nauthera/operator/decide/secret/secret-values'

// RFC 9728 where we take part: the operator writes what an API says of itself (`protected_resource_metadata` of its Secret), the API
// answers it as it is, and whoever reads it must come to our metadata and to a token that this API takes. oauth4webapi is that reader.

interface Api {
  readonly client: OIDCClient
  readonly identifier: string
  readonly scopes: readonly string[]
  /** Where RFC 9728 section 3.1 wants it. */
  readonly wellKnown: string
}

function exampleOf(name: string, wellKnown: string): Api {
  const text = readFileSync(new URL(`../../examples/clients/${name}.yaml`, import.meta.url), 'utf8')
  const client = parse(text) as OIDCClient
  const { identifier, scopes = [] } = client.spec.resourceServer!
  return { client, identifier, scopes: scopes.map(({ name }) => name), wellKnown }
}

const billing = exampleOf('api', 'https://billing.example.com/.well-known/oauth-protected-resource')
const tools = exampleOf('mcp', 'https://tools.example.com/.well-known/oauth-protected-resource/mcp')
const apis = [billing, tools]

describe('RFC 9728 protected resource metadata, section', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    const granted = Object.fromEntries(apis.map(({ identifier, scopes }) => [identifier, scopes]))
    const asks = { audiences: Object.keys(granted), scopes: Object.values(granted).flat() }
    await replicas.serve([
      entry('app.web', { ...configs.web, ...asks, scopes: [...configs.web.scopes, ...asks.scopes] }, { granted }),
      entry('app.machine', { ...configs.machine, ...asks }, { granted }),
      ...apis.map(({ client: { metadata }, identifier, scopes }) =>
        entry(`demo.${metadata.name}`, { ...configs.api, resourceServer: { identifier, scopes: [...scopes] } }),
      ),
    ])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  const valueOf = ({ client }: Api): string =>
    valuesOf({ client, clientId: `demo.${client.metadata.name}`, issuer: replicas.issuer, plain: undefined })
      .protected_resource_metadata!
  /** The API, which answers what stands in its Secret at the one address of section 3.1. */
  const read = (api: Api, says = valueOf(api)): Promise<Response> =>
    oauth.resourceDiscoveryRequest(new URL(api.identifier), {
      [oauth.customFetch]: (url: string) =>
        Promise.resolve(
          url === api.wellKnown
            ? new Response(says, { headers: { 'content-type': 'application/json' } })
            : new Response('', { status: 404 }),
        ),
    })
  const resourceOf = async (api: Api, says?: string) =>
    oauth.processResourceDiscoveryResponse(new URL(api.identifier), await read(api, says))
  const serverAt = async (address: string) => {
    const at = new URL(address)
    const answer = await oauth.discoveryRequest(at, { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true })
    return oauth.processDiscoveryResponse(at, answer)
  }
  const refusalOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'taken',
      (error: Error) => error.message,
    )
  const ask = (resource: string, scope?: string) =>
    send(replicas, {
      path: '/token',
      headers: basic('app.machine', clientSecret),
      form: { grant_type: 'client_credentials', resource, ...(scope === undefined ? {} : { scope }) },
    })
  const checkedBy = async (api: Api, token: string) => {
    const request = new Request(api.identifier, { headers: { authorization: `Bearer ${token}` } })
    return oauth.validateJwtAccessToken(await serverAt(replicas.issuer), request, api.identifier, {
      [oauth.allowInsecureRequests]: true,
    })
  }

  for (const api of apis) {
    it(`2 3.1 3.2 what the Secret of ${api.identifier} holds parses, answered at ${new URL(api.wellKnown).pathname}, and has the values of the object`, async () => {
      expect(await resourceOf(api)).to.deep.equal({
        resource: api.identifier,
        authorization_servers: [replicas.issuer],
        scopes_supported: api.scopes,
        bearer_methods_supported: ['header'],
      })
    })

    it(`3.3 7.3 ${api.identifier}: an answer for another resource is refused, so that nobody speaks for somebody else`, async () => {
      const other = apis.find((one) => one !== api)!
      const wrong = [
        valueOf(other),
        ...[`${api.identifier}/x`, api.identifier.replace('https:', 'http:'), undefined].map((resource) =>
          JSON.stringify({ ...(JSON.parse(valueOf(api)) as object), resource }),
        ),
        '{"resource":',
      ]
      for (const says of wrong) expect(await refusalOf(resourceOf(api, says)), says).to.not.equal('taken')
      expect(await refusalOf(resourceOf(api))).to.equal('taken')
    })

    it(`7.6 the one authorization server that ${api.identifier} names answers for itself: its metadata has that issuer, and endpoints below it`, async () => {
      const { authorization_servers: servers = [] } = await resourceOf(api)
      expect(servers).to.have.length(1)
      const server = await serverAt(servers[0]!)
      expect(server.issuer).to.equal(servers[0])
      for (const endpoint of [server.token_endpoint, server.authorization_endpoint, server.jwks_uri])
        expect(endpoint).to.satisfy((url: string) => url.startsWith(`${replicas.issuer}/`))
    })

    it(`7.2 every scope that ${api.identifier} lists can be asked for, and one that it does not list is refused`, async () => {
      const { resource, scopes_supported: scopes = [] } = await resourceOf(api)
      const answer = await ask(resource, scopes.join(' '))
      expect(answer.json()['scope'], answer.body).to.equal(scopes.join(' '))
      const foreign = apis.find((one) => one !== api)!.scopes[0]!
      for (const scope of [foreign, 'everything'])
        expect((await ask(resource, scope)).json()['error'], scope).to.equal('invalid_scope')
    })

    it(`7.4 a token that is asked for with that resource is for ${api.identifier} alone: of a person, and of a machine`, async () => {
      const { resource } = await resourceOf(api)
      const parameters = { resource, scope: `openid ${api.scopes.join(' ')}` }
      const code = await fetchCode(replicas, { parameters })
      const ofPerson = tokensOf(await redeem(replicas, code, { form: { resource } })).access
      const ofMachine = tokensOf(await ask(resource)).access
      const other = apis.find((one) => one !== api)!
      for (const token of [ofPerson, ofMachine]) {
        expect((await checkedBy(api, token)).aud).to.equal(api.identifier)
        expect(await refusalOf(checkedBy(other, token))).to.not.equal('taken')
      }
    })

    it(`7.4 a resource that is not ${api.identifier} to the letter is refused with invalid_target, at both endpoints`, async () => {
      const { href } = new URL(api.identifier)
      const wrong = [
        `${api.identifier}/x`,
        api.identifier.replace('https:', 'http:'),
        api.identifier.replace('example', 'EXAMPLE'),
        api.identifier.replace('example.com', 'example.com.evil.test'),
        `${api.identifier}#fragment`,
        ...(href === api.identifier ? [`${href}/`] : [href]),
      ]
      for (const resource of wrong) {
        expect((await ask(resource)).json()['error'], resource).to.equal('invalid_target')
        const refused = await refusalOf(fetchCode(replicas, { parameters: { resource } }))
        expect(refused, resource).to.contain('error=invalid_target')
      }
      expect((await ask(api.identifier)).status).to.equal(200)
    })
  }

  it('7.6 metadata that leads to our server under another name is refused: it answers to no other', async () => {
    const { port } = new URL(replicas.issuer)
    for (const address of [`http://127.0.0.1:${port}`, `${replicas.issuer}/tenant`])
      expect(await refusalOf(serverAt(address)), address).to.not.equal('taken')
  })
})
