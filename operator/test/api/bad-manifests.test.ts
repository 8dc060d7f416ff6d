import { readFileSync, readdirSync } from 'node:fs'
import { celEnv, celMap, parse as parseCel, plan as planCel } from '@bufbuild/cel'
import type { CelInput } from '@bufbuild/cel'
import { strings } from '@bufbuild/cel/ext'
import { expect } from 'chai'
import fc from 'fast-check'
import { parse, parseAllDocuments } from 'yaml'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { applyDefaults, validate } from '@nauthera/stand-in/schema'
import type { ObjectSchema as StandInSchema } from '@nauthera/stand-in/objects'
import { holds, toCel } from '../../src/api/cel.ts'
import { checkValue } from '../../src/api/check.ts'
import { clientSpec } from '../../src/api/client-rules.ts'
import { clientDefinition } from '../../src/api/crds.ts'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { OIDCPolicy } from '../../src/api/oidc-policy.ts'
import { renderSchema } from '../../src/api/schema.ts'
import type { JsonSchema } from '../../src/api/schema.ts'
import { checkPolicySpec } from '../../src/decide/client/check-spec.ts'
import type { Policies } from '../../src/decide/client/policies.ts'
import { baseline, ownRefusals, refusals, withMetadata } from './refusals.ts'

const root = new URL('../../../', import.meta.url)
const schema = clientDefinition.spec.versions[0]!.schema.openAPIV3Schema

interface BadManifest {
  readonly file: string
  readonly path: string
  readonly message: string
  readonly by: 'API server and operator' | 'operator' | 'operator, by policy'
  readonly object: OIDCClient
}

const read = (file: string): string => readFileSync(new URL(file, root), 'utf8')

const badManifests: readonly BadManifest[] = readdirSync(new URL('examples/bad', root)).map((file) => {
  const text = read(`examples/bad/${file}`)
  const [, path = '', message = ''] = /^# expect: ([^ ]+): (.*)$/m.exec(text) ?? []
  const by = /^# refused by: (.*)$/m.exec(text)?.[1] as BadManifest['by']
  return { file, path, message, by, object: withMetadata(parse(text)) }
})

const demo: Policies = [
  { ...(parse(read('examples/policies/demo.yaml')) as Pick<OIDCPolicy, 'spec'>), name: 'demo' },
  ...baseline,
]

describe('bad manifests', () => {
  it('are at least 60', () => {
    expect(badManifests.length).to.be.at.least(60)
  })

  for (const { file, path, message, by, object } of badManifests) {
    it(`${file} is refused at ${path}, with the message that it names`, () => {
      const isSaid = (fault: { path: string; message: string }): boolean =>
        fault.path === path && fault.message.includes(message)
      expect(ownRefusals(object), 'the operator says so').to.satisfy(
        (faults: readonly { path: string; message: string }[]) => faults.some(isSaid),
      )
      const api = refusals(object)
      if (by === 'API server and operator')
        expect(api, 'the API server says so').to.satisfy((faults: typeof api) => faults.some(isSaid))
      else expect(api, 'the API server takes it').to.deep.equal([])
    })
  }
})

describe('good manifests', () => {
  for (const file of readdirSync(new URL('examples/clients', root))) {
    it(`examples/clients/${file} is taken by the API server and the operator`, () => {
      for (const document of parseAllDocuments(read(`examples/clients/${file}`))) {
        const found = document.toJS() as OIDCClient
        if (found.kind !== 'OIDCClient') continue
        const client = withMetadata(found)
        expect(refusals(client)).to.deep.equal([])
        // an API needs a policy that allows it
        expect(ownRefusals(client, demo)).to.deep.equal([])
      }
    })
  }
  for (const file of readdirSync(new URL('examples/policies', root))) {
    it(`examples/policies/${file} is taken`, () => {
      const policy = parse(read(`examples/policies/${file}`)) as { spec: unknown }
      expect(checkPolicySpec(policy.spec, 'spec')).to.deep.equal([])
    })
  }
})

describe('the operator and the API server', () => {
  const spec = renderSchema(clientSpec)

  it('find the same faults', () => {
    for (const { object, file } of badManifests) {
      const own = checkValue(spec, object.spec, 'spec').map(({ path, message }) => ({
        path,
        message,
      }))
      const api = refusals(object).filter(({ path }) => path.startsWith('spec'))
      expect(own.map(({ path }) => path).toSorted(), file).to.deep.equal(api.map(({ path }) => path).toSorted())
      for (const { path, message } of own) {
        expect(
          api.some((fault) => fault.path === path && fault.message.includes(message)),
          `${file}: ${path}: ${message}`,
        ).to.equal(true)
      }
    }
  })
})

describe('redirect URIs', () => {
  const piece = fc.constantFrom(
    'https://',
    'http://',
    'HTTPS://',
    'javascript:',
    'com.example.app:/',
    'localhost',
    '127.0.0.1',
    '[::1]',
    'app.example.com',
    '.evil.com',
    ':443',
    ':',
    '@',
    '/',
    '//',
    '\\\\',
    '#',
    '?',
    '*',
    '%2e',
    '..',
    ' ',
    'ä',
    '\\n',
    '"',
    'x',
  )

  it('A2 get the same answer from the API server and the operator; only https, http on this machine and schemes of an application pass', () => {
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), fc.constantFrom('Web', 'Native'), (pieces, type) => {
        const uri = pieces.join('')
        const object = withMetadata({
          metadata: { name: 'a', namespace: 'demo' },
          spec: { type, redirectURIs: [uri] },
        } as unknown as OIDCClient)
        const api = refusals(object).filter(({ path }) => path.startsWith('spec')).length
        const own = ownRefusals(object).length
        expect(api === 0, uri).to.equal(own === 0)
        if (own > 0) return
        const { protocol, hostname, username, hash } = new URL(uri)
        const isLocal = protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
        const isOwnScheme = type === 'Native' && protocol.includes('.')
        expect(isLocal || isOwnScheme || protocol === 'https:', uri).to.equal(true)
        expect(username + hash, uri).to.equal('')
      }),
      { numRuns: propertyRuns(3_000) },
    )
  })
})

describe('CEL rules', () => {
  const rules = [...rulesOf(schema)]
  const environment = celEnv({ funcs: strings })
  const plans = new Map<string, ReturnType<typeof planCel>>()
  const planned = (rule: string) => {
    const known = plans.get(rule) ?? planCel(environment, parseCel(rule))
    plans.set(rule, known)
    return known
  }

  const wellShaped = badManifests
    .map(({ object }) => applyDefaults(object, schema as StandInSchema) as Record<string, unknown>)
    .filter((value) =>
      validate(value, undefined, schema as StandInSchema).every(({ message }) => !message.includes('not checked')),
    )

  it('give the same answer in a second evaluator, which has RE2 as the API server does', () => {
    let refused = 0
    for (const value of wellShaped) {
      for (const { rule, self } of instances(schema, value)) {
        if (rule.rule.includes('oldSelf')) continue
        const own = holds(rule.rule, toCel(self))
        expect(planned(rule.rule)({ self: celValue(self) }), `${JSON.stringify(value)}: ${rule.rule}`).to.equal(own)
        if (!own) refused++
      }
    }
    expect(refused).to.be.at.least(60)
  })

  it('have a short message each, which says what must be', () => {
    for (const { message } of rules) expect(message).to.match(/^(must|cannot) .{5,200}$/)
  })
})

describe('immutable fields', () => {
  const client = withMetadata({
    metadata: { name: 'a', namespace: 'demo' },
    spec: { type: 'Web', serverName: 'default', clientId: 'my-app', redirectURIs: ['https://app.example.com/'] },
  } as unknown as OIDCClient)
  const table = [
    { sentence: 'type cannot change', spec: { ...client.spec, type: 'SPA' as const }, path: 'spec.type' },
    { sentence: 'serverName cannot change', spec: { ...client.spec, serverName: 'other' }, path: 'spec.serverName' },
    { sentence: 'clientId cannot change', spec: { ...client.spec, clientId: 'other' }, path: 'spec.clientId' },
    { sentence: 'clientId cannot go', spec: { ...client.spec, clientId: undefined }, path: 'spec.clientId' },
  ]
  for (const { sentence, spec, path } of table) {
    it(sentence, () => {
      const next = JSON.parse(JSON.stringify({ ...client, spec })) as OIDCClient
      expect(refusals(next, client).map((fault) => fault.path)).to.include(path)
      expect(refusals(client, client)).to.deep.equal([])
    })
  }
})

describe('the schema of an OIDCClient', () => {
  it('limits the length of every text, list and map: the API server estimates the cost of the rules by that', () => {
    for (const { path, node } of nodes(schema)) {
      const isName = path === '.apiVersion' || path === '.kind' || path.startsWith('.metadata')
      if (isName) continue
      if (node.type === 'string' && !node.enum) expect(node.maxLength, path).to.be.a('number')
      if (node.type === 'array') expect(node.maxItems, path).to.be.a('number')
      if (node.additionalProperties) expect(node.maxProperties, path).to.be.a('number')
      if (node.type !== 'object' || node.properties || node.additionalProperties)
        expect(node.description, path).to.be.a('string')
    }
  })
})

function* nodes(node: JsonSchema, path = ''): Generator<{ path: string; node: JsonSchema }> {
  yield { path, node }
  for (const [key, child] of Object.entries(node.properties ?? {})) yield* nodes(child, `${path}.${key}`)
  if (node.items) yield* nodes(node.items, `${path}[]`)
  if (node.additionalProperties) yield* nodes(node.additionalProperties, `${path}{}`)
}

function* rulesOf(node: JsonSchema): Generator<{ rule: string; message: string }> {
  for (const { node: child } of nodes(node)) yield* child['x-kubernetes-validations'] ?? []
}

/** Each rule with each value that it stands on. */
function* instances(
  node: JsonSchema,
  self: unknown,
): Generator<{ rule: { rule: string; message: string }; self: unknown }> {
  if (self === undefined) return
  for (const rule of node['x-kubernetes-validations'] ?? []) yield { rule, self }
  if (Array.isArray(self) && node.items) for (const item of self) yield* instances(node.items, item)
  else if (typeof self === 'object' && self !== null) {
    for (const [key, value] of Object.entries(self)) {
      const child = node.properties?.[key] ?? node.additionalProperties
      if (child) yield* instances(child, value)
    }
  }
}

function celValue(value: unknown): CelInput {
  if (typeof value === 'number') return BigInt(value)
  if (Array.isArray(value)) return value.map(celValue)
  if (typeof value === 'object' && value !== null) {
    return celMap(new Map(Object.entries(value).map(([key, child]) => [key, celValue(child)])))
  }
  return value as CelInput
}
