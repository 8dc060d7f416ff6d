import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, fromJson, toJson } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { parseAllDocuments } from 'yaml'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import type { OIDCClient, OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicySpec } from '@nauthera/operator/api/oidc-policy'
import { acceptClients } from '@nauthera/operator/decide/client/accept-clients'
import { clientIdOf, keyOf } from '@nauthera/operator/decide/client/client-names'
import { applyDefaults } from '@nauthera/operator/decide/client/apply-defaults'
import { checkPolicies } from '@nauthera/operator/decide/client/check-policies'
import { renderConfig } from '@nauthera/operator/decide/client/metadata'
import { judgeClient } from '@nauthera/operator/decide/access/judge'
import { bindingOf } from '@nauthera/operator/decide/client/policies'
import type { Policies } from '@nauthera/operator/decide/client/policies'
import { createAuthority } from '@nauthera/proto/certificates'
import { renderVersion } from '@nauthera/proto/client-version'
import { ClientConfigSchema, ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { checkClient } from '@nauthera/rules/check-client'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { resolveClient } from '@nauthera/server/clients/resolve-client'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { ClientFault } from '@nauthera/rules/client-fault'
import { anyClientSpec, anyPolicyDefaults, withoutFaults } from './support/any-client.ts'

// Three look at a client: the API server with the CRD, the operator, and the server with its library. A client that one takes
// and the next refuses is a mistake that its owner hears of late, so each such difference is named here, with its reason.

interface Difference {
  readonly sentence: string
  /** Who takes it; whoever comes after refuses it. */
  readonly takenBy: 'the API server' | 'the operator'
  readonly field: RegExp
  readonly message: RegExp
  readonly reason: string
  /** A client of which this is so. */
  readonly example: Partial<OIDCClientSpec>
}

const redirectURIs = ['https://app.example.com/callback']

const differences: readonly Difference[] = [
  {
    sentence: 'a level of authentication that is none',
    takenBy: 'the API server',
    field: /^spec\.access\.requiredAcr$/,
    message: /^must be among urn:nauthera:password, urn:nauthera:mfa$/,
    reason: 'Levels are words of the rules: a definition of before a new level must not refuse it.',
    example: { redirectURIs, access: { requiredAcr: ['urn:example:gold'] } },
  },
  {
    sentence: 'a key that can verify nothing',
    takenBy: 'the API server',
    field: /^spec\.auth\.jwks$/,
    message: /^(keys\[\d+\] must |must have a key (that can verify an assertion: |with its certificate in x5c$))/,
    reason: 'Whether the members of a JWK make a key cannot be said in CEL.',
    example: {
      redirectURIs,
      auth: { method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }] } },
    },
  },
  {
    sentence: 'keys of which none is to encrypt to',
    takenBy: 'the API server',
    field: /^spec\.auth\.jwks$/,
    message: /^must have a key to encrypt to with /,
    reason: 'CEL does not see the members of a JWK.',
    example: {
      redirectURIs,
      auth: { jwks: { keys: [{ kty: 'XYZ' }] } },
      encryption: { userinfo: { alg: 'ECDH-ES' } },
    },
  },
  {
    sentence: 'an address between [ and ] that is none',
    takenBy: 'the API server',
    field: /^spec\.(redirectURIs|postLogoutRedirectURIs)$/,
    message: /must be an absolute URI$/,
    reason: 'A pattern does not read an IPv6 address.',
    example: { redirectURIs: ['https://[:::]/'] },
  },
  {
    sentence: 'a page at such an address',
    takenBy: 'the API server',
    field: /^spec\.(auth\.jwksURI|uris\.\w+)$/,
    message: /^must be an https URL, such as /,
    reason: 'The same.',
    example: { redirectURIs, uris: { client: 'https://[:::]/' } },
  },
  {
    sentence: 'an origin with the port that is the default',
    takenBy: 'the API server',
    field: /^spec\.corsOrigins$/,
    message: /must be written as browsers do: /,
    reason: 'Browsers leave that port out; a pattern of RE2 cannot ask for its absence.',
    example: { redirectURIs, corsOrigins: ['https://app.example.com:443'] },
  },
  {
    sentence: 'an origin outside of the namespaces of joined clusters',
    takenBy: 'the API server',
    field: /^spec\.origin$/,
    message: /^must be absent outside of the namespace of a joined cluster/,
    reason: 'A rule of a CRD does not see the namespace of its object.',
    example: { redirectURIs, origin: { namespace: 'shop', name: 'app', uid: 'u1' } },
  },
  {
    sentence: 'a window in a time zone that is none',
    takenBy: 'the API server',
    field: /^spec\.rotation\.window/,
    message: /./,
    reason: 'CEL knows neither time zones nor the dates of a cron.',
    example: {
      redirectURIs,
      rotation: { interval: '720h', window: { schedule: '0 3 * * 6', duration: '2h', timeZone: 'Mars/Base' } },
    },
  },
  {
    sentence: 'a subject that is no distinguished name',
    takenBy: 'the API server',
    field: /^spec\.auth\.tls\.subjectDN$/,
    message: /^must be a distinguished name as in RFC 4514/,
    reason: 'CEL knows neither the types of names nor their escapes.',
    example: { redirectURIs, auth: { method: 'tls_client_auth', tls: { subjectDN: 'worker' } } },
  },
  {
    sentence: 'an algorithm that this server does not sign with',
    takenBy: 'the operator',
    field: /^spec\.(signing|resourceServer\.tokens)\./,
    message: /is not among this server's algorithms/,
    reason:
      'The algorithms are a setting of the server; a replica reports the refusal, and the client keeps its last version.',
    example: { redirectURIs, signing: { idToken: 'EdDSA' } },
  },
  {
    sentence: 'an identity of an issuer that this server does not know',
    takenBy: 'the operator',
    field: /^spec\.auth\.identities$/,
    message: /, which this server does not know; add it to identityIssuers/,
    reason: 'The issuers are a setting of the server, as algorithms are.',
    example: {
      redirectURIs,
      auth: { method: 'federated_jwt', identities: [{ issuer: 'https://ci.example.com', subject: 'shop' }] },
    },
  },
]

const letters = Array.from('0123456789abcdefghijklmnopqrstuvwxyz')

/** Bare names have to be listed, and an entry that is also the beginning of a URI means URIs: h*, ur*. */
function allNames(beginning = ''): string[] {
  return (beginning === '' ? letters : [...letters, '-', '_']).flatMap((letter) => {
    const longer = `${beginning}${letter}`
    return ['https', 'urn'].some((scheme) => scheme.startsWith(longer)) ? [longer, ...allNames(longer)] : [`${longer}*`]
  })
}

/** A policy opens what a client may have only with one. */
const policies = (defaults: OIDCPolicySpec['defaults'] = {}): Policies => [
  {
    name: 'baseline',
    spec: {
      allow: {
        consent: ['Explicit', 'Remember', 'Skip'],
        customClientId: true,
        anyClientId: true,
        existingSecret: true,
        verifiers: true,
        optionalPKCE: true,
        foreignServiceAccounts: true,
        identityIssuers: ['*'],
        resourceServer: true,
        resourceIdentifiers: ['*', 'http:*', ...allNames()],
        tokenExchange: true,
      },
      defaults,
    },
  },
]

const clientOf = (spec: Partial<OIDCClientSpec>): OIDCClient => ({
  metadata: { name: 'app', namespace: 'demo', uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { type: 'Web', ...spec },
})

/** What the operator has against a client, as `kubectl-nauthera render` prints it. */
function operatorFaults(client: OIDCClient): readonly { readonly field: string; readonly message: string }[] {
  const verdict = acceptClients([client], () => policies()).get(keyOf(client))!
  if (verdict.kind === 'invalid') return verdict.faults.map(({ path, message }) => ({ field: path, message }))
  if (verdict.kind === 'too-large') return [{ field: 'spec', message: verdict.message }]
  expect(verdict.kind).to.equal('accepted')
  return checkPolicies(client, policies())
}

const isNamed = (takenBy: Difference['takenBy'], fault: { field: string; message: string }): boolean =>
  differences.some((one) => one.takenBy === takenBy && one.field.test(fault.field) && one.message.test(fault.message))

describe('a client that one takes', () => {
  let replicas: ServerReplicas
  let directory: string
  before(async () => {
    directory = temporaryDirectory('same-answer')
    const caFile = join(directory, 'ca.crt')
    writeFileSync(caFile, (await createAuthority({ name: 'clients', lifetimeMs: 3_600_000 })).cert)
    const mutualTLS = { caFile, header: 'nginx' }
    const signing = { algorithms: ['ES256', 'RS256'] }
    replicas = await startReplicas({ settings: { signing, trustedProxies: ['127.0.0.1'], mutualTLS } })
  })
  after(() => replicas.stop())

  /** What the server has against what the operator renders: by the rules, and by all that it asks. */
  async function serverFaults(client: OIDCClient, defaults: OIDCPolicySpec['defaults'] = {}) {
    const config = asSent(renderConfig(applyDefaults(client, bindingOf(policies(defaults))).client))
    const hasSecret = showsSecret(config.tokenEndpointAuthMethod)
    const { namespace, name, uid } = client.metadata
    const identity = { clientId: clientIdOf(client), uid, namespace, name, hasSecret }
    return {
      byRules: checkClient(config, { hasSecret, algorithms: ['ES256', 'RS256'], identityIssuers: [] }),
      byServer: await replicas.apps[0]!.checkClient(config, identity),
    }
  }

  it('is taken by all, or the difference is named', async () => {
    const runs = propertyRuns(300)
    let taken = 0
    await fc.assert(
      fc.asyncProperty(anyClientSpec, anyPolicyDefaults, async (spec, defaults) => {
        const ofOperator = operatorFaults(clientOf(spec))
        expect(ofOperator.filter((fault) => !isNamed('the API server', fault))).to.deep.equal([])
        const refuse = (rest: object) =>
          operatorFaults(clientOf(rest)).map(({ field }) => ({ field: field.replace(/^spec\./, '') }))
        const good = withoutFaults({ ...spec }, refuse) as OIDCClientSpec | undefined
        if (good === undefined) return
        taken++
        const { byRules, byServer } = await serverFaults(clientOf(good), defaults)
        expect(byServer.filter((fault) => !isNamed('the operator', fault))).to.deep.equal([])
        // what only the library refuses would surprise an owner whom the operator told that all is well
        expect(byServer).to.deep.equal(byRules)
      }),
      { numRuns: runs },
    )
    expect(taken).to.be.above(runs / 2)
  })

  for (const { sentence, takenBy, field, message, example } of differences) {
    it(`is taken by ${takenBy} alone: ${sentence}`, async () => {
      const client = clientOf(example)
      const faults: readonly (ClientFault | { field: string; message: string })[] =
        takenBy === 'the operator' ? (await serverFaults(client)).byServer : operatorFaults(client)
      expect(faults.map((fault) => field.test(fault.field) && message.test(fault.message))).to.deep.equal([true])
      if (takenBy === 'the operator') expect(operatorFaults(client)).to.deep.equal([])
    })
  }

  it('is refused by operator and server in the same words when it is just larger than a client may be, and taken when it is not', async () => {
    const answers = await Promise.all(
      [maxVersionBytes - 1, maxVersionBytes, maxVersionBytes + 1].map(async (bytes) => {
        const [plain] = answersOf(clientOf({ redirectURIs, description: '' }))
        const text = 'a'.repeat(bytes - plain.length)
        const client = clientOf({ redirectURIs: [`${redirectURIs[0]}${text}`] })
        const [version, ofOperator] = answersOf(client)
        expect(version.length).to.equal(bytes)
        const entry = create(ShardEntrySchema, {
          ...client.metadata,
          clientId: clientIdOf(client),
          desired: { generation: 1n, config: version },
        })
        const clocks = { wall: Date.now, monotonic: () => performance.now() }
        const { rejection } = await resolveClient(entry, undefined, { shard: 0, checkClient: () => [], clocks })
        expect(rejection?.message).to.equal(ofOperator)
        return ofOperator === undefined
      }),
    )
    expect(answers).to.deep.equal([true, true, false])
  })

  for (const file of readdirSync('examples/clients')) {
    it(`is taken by all: examples/clients/${file}`, async () => {
      for (const document of parseAllDocuments(readFileSync(`examples/clients/${file}`, 'utf8'))) {
        const example = document.toJS() as OIDCClient
        if (example.kind !== 'OIDCClient') continue
        const client = { ...example, metadata: { ...clientOf({}).metadata, ...example.metadata } }
        expect(operatorFaults(client)).to.deep.equal([])
        expect((await serverFaults(client)).byServer).to.deep.equal([])
      }
    })
  }
})

/** @returns what servers would be told, and what the operator has against its size */
function answersOf(client: OIDCClient): [version: string, refusal: string | undefined] {
  const acceptance = { kind: 'accepted', wanted: clientIdOf(client) } as const
  const about = { acceptance, policies: policies(), isFull: () => false, isServed: false, now: 0 }
  const judged = judgeClient(client, about).acceptance
  const { config } = renderVersion(renderConfig(applyDefaults(client, bindingOf(policies())).client))
  return [config, judged.kind === 'too-large' ? judged.message : undefined]
}

/** Through the JSON of a shard, as on its way. */
const asSent = (config: ClientConfig): ClientConfig =>
  fromJson(ClientConfigSchema, toJson(ClientConfigSchema, { ...config, $typeName: 'nauthera.config.v1.ClientConfig' }))
