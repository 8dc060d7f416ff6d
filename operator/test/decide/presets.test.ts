import { readFileSync } from 'node:fs'
import { digestOf } from '@nauthera/proto/digest'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import fc from 'fast-check'
import { parse, parseAllDocuments } from 'yaml'
import type { OIDCClient, OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { PresetFormat } from '../../src/api/preset-rows.ts'
import { presetRow, presets, presetsWithoutEdDSA } from '../../src/api/presets.ts'
import type { Preset } from '../../src/api/presets.ts'
import { ownKeys, presetData } from '../../src/decide/secret/presets.ts'
import { secretNameOf } from '../../src/decide/secret/secret.ts'
import { valuesOf } from '../../src/decide/secret/secret-values.ts'
import { canonical, dataOf, plain, render, rendered } from './rendered-secrets.ts'

/** The client of a page that has the preset, and what the page says that its Secret then has. */
function exampleOn(page: string, preset: Preset) {
  const text = readFileSync(new URL(`../../../docs/integrations/${page}.md`, import.meta.url), 'utf8')
  const documents = [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)]
    .flatMap(([, block]) => parseAllDocuments(block!))
    .map((document) => document.toJS() as OIDCClient & { stringData?: Readonly<Record<string, string>> })
  return {
    client: documents.find(({ spec, kind }) => kind === 'OIDCClient' && spec.secret?.presets?.includes(preset)),
    shown: documents.find(({ kind, stringData }) => kind === 'Secret' && stringData)?.stringData,
  }
}

/** What a preset adds to the Secret of a client. */
function addedTo(client: OIDCClient, preset: Preset): Readonly<Record<string, string>> {
  const { metadata, spec } = client
  const clientId = `${metadata.namespace}.${metadata.name}`
  const values = valuesOf({ client, clientId, issuer: canonical.issuer, plain: new Secret('the-client-secret') })
  return presetData(preset, { values, spec, secretName: secretNameOf(client) })
}

/** Clients that differ in all that a row can ask for: every combination. */
const choices: readonly (readonly Partial<OIDCClientSpec>[])[] = [
  [{ type: 'Web' }, { type: 'M2M' }],
  [{}, { postLogoutRedirectURIs: ['https://app.example.com/hub/login'] }],
  [{}, { displayName: 'The "app"' }],
  [{}, { claims: [{ name: 'roles', fromGroups: { platform: ['Admin'] } }] }],
  [{}, { scopes: [] }, { scopes: ['openid', 'email'] }, { scopes: ['openid', 'groups'] }],
  [{ redirectURIs: [] }, { redirectURIs: ['https://app.example.com/callback'] }],
]
const clients = choices.reduce<readonly Partial<OIDCClientSpec>[]>(
  (all, either) => all.flatMap((one) => either.map((choice) => ({ ...one, ...choice }))),
  [{}],
)

/** Text that means something in each format, all of it in each case. */
const hostileText = fc
  .shuffledSubarray(
    ['"', "'", '\\', '<client_id>', '<home?>', '{{ .issuer }}', '$x', ' #', ': ', '}', ']', 'ü', '="'],
    {
      minLength: 13,
    },
  )
  .map((parts) => `a${parts.join('')}z`)

const stringIn = (quoted: RegExp, unquote: (literal: string) => string) => (text: string) => ({
  shape: text.replaceAll(quoted, '""'),
  strings: [...text.matchAll(quoted)].map(([literal]) => unquote(literal)),
})
const leavesOf = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([, inner]) => leavesOf(inner)) : [value]
const pathsOf = (value: unknown, path = ''): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, `${path}/${key}`))
    : [path]
const parsedBy = (read: (text: string) => unknown) => (text: string) => ({
  shape: pathsOf(read(text)).join('\n'),
  strings: leavesOf(read(text)).map(String),
})

/** How a program reads a file: what stands there, and the texts in it. */
const readers: Readonly<Record<PresetFormat, (text: string) => { shape: string; strings: string[] }>> = {
  yaml: parsedBy((text) => parse(text) as unknown),
  json: parsedBy((text) => JSON.parse(text) as unknown),
  python: parsedBy((text) => JSON.parse(text) as unknown),
  toml: stringIn(/"(?:[^"\\]|\\.)*"/g, (literal) => JSON.parse(literal) as string),
  php: stringIn(/'(?:[^'\\]|\\.)*'/g, (literal) => literal.slice(1, -1).replace(/\\([\\'])/g, '$1')),
  properties: stringIn(/(?<==).*$/gm, (value) => value.replace(/\\(.)/g, '$1')),
}

describe('presets', () => {
  for (const preset of presets) {
    const { page, keys, labels, callback } = presetRow(preset)

    it(`preset ${preset} adds what its page shows, docs/integrations/${page}.md`, () => {
      const { client, shown } = exampleOn(page, preset)
      if (Object.keys(keys).length > 0)
        expect(client && addedTo(client, preset))
          .to.be.an('object')
          .that.deep.equals(shown)
    })

    it(`preset ${preset} leaves nothing open for any client, and names nothing that is not known as ours`, () => {
      for (const spec of clients) {
        const of = (options: Parameters<typeof render>[1]) => dataOf(rendered({ presets: [preset] }, options))
        const [data, without] = [of({ plain, spec }), of({ plain: undefined, spec })]
        const open = Object.entries(data).filter(([, text]) => /<\w+(?: ,|[?!])?>|undefined/.test(text))
        expect(open).to.deep.equal([])
        expect(Object.keys(data).filter((key) => !ownKeys.has(key))).to.deep.equal([])
        const secrets = Object.keys(data).filter((key) => data[key] === plain.reveal())
        expect(Object.keys(without), 'without a secret').to.deep.equal(
          Object.keys(data).filter((key) => !secrets.includes(key)),
        )
        for (const [key, written] of Object.entries(keys))
          if (typeof written !== 'string') expect(readers[written.format](data[key]!).shape).to.not.equal('')
      }
    })

    it(`preset ${preset} adds its labels, and the address of a client with its callback`, () => {
      expect(rendered({ presets: [preset] }).labels).to.include({ ...labels })
      const redirectURIs = [`https://app.example.com/sub${callback}`]
      const data = dataOf(rendered({ presets: [preset] }, { plain, spec: { redirectURIs } }))
      for (const [key, written] of Object.entries(keys))
        if (JSON.stringify(written).includes('<address>'))
          expect(data[key]).to.match(/https:\/\/app\.example\.com\/sub$/m)
    })
  }

  const files = presets.flatMap((preset) =>
    Object.entries(presetRow(preset).keys).flatMap(([key, written]) =>
      typeof written === 'string' ? [] : [{ preset, key, format: written.format }],
    ),
  )
  for (const { preset, key, format } of files) {
    it(`preset ${preset} writes a file that its program reads back, whatever stands in a name and in a secret`, () => {
      const read = (displayName: string, secret: string) => {
        const options = { plain: new Secret(secret), spec: { displayName } }
        return readers[format](dataOf(rendered({ presets: [preset] }, options))[key]!)
      }
      const cookies = (secret: string) => digestOf(`cookies of ${preset}: ${secret}`)
      const tame = read('TameName', 'TameSecret')
      fc.assert(
        fc.property(hostileText, hostileText, (name, secret) => {
          const hostile = read(name, secret)
          const swapped = new Map([
            ['TameName', name],
            ['TameSecret', secret],
            [cookies('TameSecret'), cookies(secret)],
          ])
          expect(hostile.shape).to.equal(tame.shape)
          expect(hostile.strings).to.deep.equal(tame.strings.map((text) => swapped.get(text) ?? text))
        }),
        { numRuns: propertyRuns(20) },
      )
    })
  }

  it('of a program that takes no EdDSA is refused with it, also when a policy gives it', () => {
    expect([...presetsWithoutEdDSA.keys()]).to.not.deep.equal([])
    for (const preset of presets) {
      const signedBy = (idToken: 'EdDSA' | 'ES256') =>
        render({ presets: [preset] }, { plain, spec: { signing: { idToken } } })
      const message = presetsWithoutEdDSA.get(preset)
      const refused = signedBy('EdDSA')
      expect(refused.kind === 'invalid' ? refused.faults : []).to.deep.equal(
        message === undefined ? [] : [{ path: 'spec.signing.idToken', message }],
      )
      expect(signedBy('ES256').kind).to.equal('rendered')
    }
  })

  it('preset ArgoCD names no client secret in its snippet, and none at all for a client without one', () => {
    const snippet = (options: Parameters<typeof render>[1]) =>
      parse(dataOf(rendered({ name: 'sso', presets: ['ArgoCD'] }, options))['oidc.config']!) as object
    expect(snippet({ plain })).to.include({ clientSecret: '$sso:oidc.clientSecret', enablePKCEAuthentication: true })
    expect(snippet({ plain: undefined })).to.not.have.property('clientSecret')
    expect(snippet({ plain, spec: { displayName: 'A: "b"' } })).to.include({ name: 'A: "b"' })
  })

  it('preset ArgoCD comes back from the sign-out where an address is registered, and refreshes before both tokens end', () => {
    const snippet = (spec: Partial<OIDCClientSpec>) =>
      parse(dataOf(rendered({ presets: ['ArgoCD'] }, { plain, spec }))['oidc.config']!) as Record<string, string>
    expect(snippet({ postLogoutRedirectURIs: ['https://argocd.example.com'] })['logoutURL']).to.equal(
      `${canonical.end_session_endpoint}?id_token_hint={{token}}&post_logout_redirect_uri={{logoutRedirectURL}}`,
    )
    const threshold = (tokens: NonNullable<OIDCClientSpec['tokens']>) => snippet({ tokens })['refreshTokenThreshold']
    expect(threshold({ idTTL: '1m' })).to.equal('4m30s')
    expect(threshold({ idTTL: '1h' })).to.equal('2m')
    expect(threshold({ accessTTL: '30m' })).to.equal('22m')
  })

  it('preset Grafana gives roles where the client derives them from groups', () => {
    const path = (spec: Partial<OIDCClientSpec>) =>
      dataOf(rendered({ presets: ['Grafana'] }, { plain, spec }))['GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_PATH']
    expect(path({ claims: [{ name: 'roles', fromGroups: { platform: ['Admin'] } }] })).to.equal(
      "contains(roles || `[]`, 'Admin') && 'Admin' || contains(roles || `[]`, 'Editor') && 'Editor' || 'Viewer'",
    )
    expect(path({ claims: [{ name: 'teams', fromGroups: { platform: ['Admin'] } }] })).to.equal(undefined)
  })

  it('preset Spring names the grant of a machine, which is sent back nowhere', () => {
    const data = dataOf(rendered({ presets: ['Spring'] }, { plain, spec: { type: 'M2M', redirectURIs: [] } }))
    const registration = 'spring.security.oauth2.client.registration.nauthera'
    expect(data[`${registration}.authorization-grant-type`]).to.equal('client_credentials')
    expect(data).to.not.have.property(`${registration}.redirect-uri`)
  })

  it('preset Quarkus leaves an API without people what it is by default', () => {
    const data = dataOf(rendered({ presets: ['Quarkus'] }, { plain, spec: { type: 'M2M' } }))
    expect(data).to.include({ QUARKUS_OIDC_CLIENT_ID: 'demo.app' })
    expect(data).to.not.have.any.keys('QUARKUS_OIDC_APPLICATION_TYPE', 'QUARKUS_OIDC_AUTHENTICATION_SCOPES')
  })

  it('preset JupyterHub leads a sign-out back where the client may be led', () => {
    const spec = { postLogoutRedirectURIs: ['https://app.example.com/hub/login'] }
    const data = dataOf(rendered({ presets: ['JupyterHub'] }, { plain, spec }))
    const out = new URL(data['OAUTH_LOGOUT_REDIRECT_URL']!)
    expect(out.searchParams.get('post_logout_redirect_uri')).to.equal('https://app.example.com/hub/login')
  })

  it('preset KubeAPIServer reads groups where the client may ask for them, and sub without email', () => {
    const mappings = (scopes: string[]) =>
      (
        parse(
          dataOf(rendered({ presets: ['KubeAPIServer'] }, { plain, spec: { scopes } }))['authentication-config.yaml']!,
        ) as { jwt: [{ claimMappings: unknown }] }
      ).jwt[0].claimMappings
    expect(mappings(['openid', 'email', 'groups'])).to.deep.equal({
      username: { claim: 'email', prefix: 'oidc:' },
      groups: { claim: 'groups', prefix: 'oidc:' },
    })
    expect(mappings(['openid'])).to.deep.equal({ username: { claim: 'sub', prefix: 'oidc:' } })
  })

  it('preset SonarQube names the address of the program, and groups where the client may ask for them', () => {
    const properties = (spec: Partial<OIDCClientSpec>) =>
      dataOf(rendered({ presets: ['SonarQube'] }, { plain, spec }))['secret.properties']
    const redirectURIs = ['https://quality.example.com/sonar/oauth2/callback/oidc']
    expect(properties({ redirectURIs })).to.include('sonar.core.serverBaseURL=https://quality.example.com/sonar\n')
    expect(properties({ redirectURIs, scopes: ['openid'] })).to.not.include('groupsSync')
  })
})
