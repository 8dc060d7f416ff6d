// OIDCClients by chance, made from the schema of the CRD alone: a field that is new there is in them without a line here.
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { clientDefinition, policyDefinition } from '@nauthera/operator/api/crds'
import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicySpec } from '@nauthera/operator/api/oidc-policy'
import type { ObjectSchema } from '@nauthera/stand-in/objects'
import { applyDefaults, validate } from '@nauthera/stand-in/schema'

type Any = fc.Arbitrary<unknown>
type Fields = Readonly<Record<string, unknown>>

const schemaOf = (definition: typeof clientDefinition): ObjectSchema => {
  const root = definition.spec.versions[0]!.schema.openAPIV3Schema as ObjectSchema
  return root.properties!['spec']!
}
const clientSchema = schemaOf(clientDefinition)
const policySchema = schemaOf(policyDefinition)

const words = (...list: string[]) => fc.constantFrom(...list)

/** Addresses, of which many are odd: a rule about them is the easiest to get wrong. */
const address = fc
  .tuple(
    words('https://', 'http://', 'com.example.app:/', 'urn:', 'https:', 'HTTPS://', 'a.b:/', 'javascript:'),
    words(
      'app.example.com',
      'localhost',
      '127.0.0.1',
      '[::1]',
      'A.example.com',
      '1.2.3',
      'a_b.example.com',
      '[fe80::1]',
      'xn--bcher-kva.example',
      'example:api',
      'localhost.example.com',
      '-a.example.com',
      'a..b',
      '999.1.1.1',
      '255.255.255.255',
      '[:::]',
      'app.example.com.',
    ),
    words('', '', ':8443', ':0', ':65536', ':443', ':00080'),
    fc.array(
      words(
        '/',
        'callback',
        '?',
        'a=b',
        '%20',
        '%zz',
        '..',
        '.',
        '~',
        ';',
        '@',
        ':',
        '&',
        "'",
        '(',
        '$',
        '|',
        '[',
        '^',
        '`',
        '{',
      ),
      { maxLength: 4 },
    ),
  )
  .map(([scheme, host, port, rest]) => `${scheme}${host}${port}${rest.join('')}`)

/** Kinds of text; a field gets those of which some pass its own rules. */
const texts: readonly fc.Arbitrary<string>[] = [
  words('https://app.example.com/callback', 'https://api.example.com', 'urn:example:api', 'https://a.example.com:8443'),
  address,
  fc.tuple(fc.nat(9_000), words('h', 'm', 's')).map(([amount, unit]) => `${amount}${unit}`),
  words('1h30m', '24h', '720h', '60s', '5m', '2160h', '0s', ''),
  words('openid', 'profile', 'email', 'groups', 'offline_access', 'api:read', 'a', "x!#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
  words('roles', 'department', 'a.b', 'https://example.com/claims/x', 'constructor', '__proto__', 'Sub'),
  words('ops@example.com', 'a+b@x', "o'neil@example.com", 'a@b.c', 'a..b@example.com'),
  words('demo.app', 'my-app', '~~~', '...', 'a_b', 'toString'),
  words('example.com/team', 'a', 'team', 'client_id', 'client_secret', 'KEY', 'x.json', '..data'),
  words('a1'.repeat(32), 'b2'.repeat(32), '2027-01-31T00:00:00Z', '2099-12-31T23:59:59.5+02:00', 'c'.repeat(63)),
  words('{{ .clientId }}', '{{ .issuer | json }}', 'plain', '0 3 * * 6', '*/5 * * * 1-5', 'Europe/Berlin', 'UTC'),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 }),
]

const publicKeys: readonly Fields[] = [
  ...(['P-256', 'P-384', 'P-521', 'secp256k1'] as const).map(
    (namedCurve) => generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' }) as Fields,
  ),
  generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as Fields,
  generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }) as Fields,
  generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' }) as Fields,
  generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }) as Fields,
  generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) as Fields,
]

const publicKey: Any = fc
  .tuple(
    words(...publicKeys.map((_, index) => String(index))),
    fc.record(
      {
        kid: fc.constantFrom<unknown>('k1', '', 7),
        use: fc.constantFrom<unknown>('sig', 'enc', 'other'),
        alg: fc.constantFrom<unknown>('ES256', 'RS256', 'EdDSA', 'HS256', 'ECDH-ES', 'nothing'),
        key_ops: fc.constantFrom<unknown>(['verify'], ['sign'], 'verify'),
        x5c: fc.constantFrom<unknown>(['MAo='], [], 'MAo='),
        x5t: fc.constantFrom<unknown>('a', 1),
        note: fc.constantFrom<unknown>('mine', { deep: [1, null] }),
        kty: fc.constantFrom<unknown>('oct', 'XYZ', '', 'EC'),
        d: fc.constantFrom<unknown>('AAAA'),
        x: fc.constantFrom<unknown>('AAAA'),
      },
      { requiredKeys: [] },
    ),
    fc.nat(9),
  )
  // most keys are good ones
  .map(([index, change, dice]) => ({ ...publicKeys[Number(index)], ...(dice < 4 ? change : {}) }))

/** @param kinds what a value may look like
 *  @returns values that pass: of each kind some that are known to, and new ones of a kind that passes often */
function passing<T>(kinds: readonly fc.Arbitrary<T>[], passes: (value: T) => boolean): fc.Arbitrary<T> {
  const samples = kinds.map((kind, index) => fc.sample(kind, { seed: index, numRuns: 100 }).filter(passes))
  const known = samples.flat()
  if (known.length === 0) throw new Error('no text of ci/test/support/any-client.ts passes the rules of this field')
  const often = kinds.filter((_, index) => samples[index]!.length > 30).map((kind) => kind.filter(passes))
  return fc.oneof(fc.constantFrom(...known), ...often)
}

const passes = (schema: ObjectSchema, value: unknown): boolean => validate(value, undefined, schema).length === 0

function valueOf(schema: ObjectSchema): Any {
  if (schema.enum) {
    const one: Any = fc.constantFrom(...schema.enum)
    return schema.default === undefined ? one : fc.oneof({ weight: 3, arbitrary: fc.constant(schema.default) }, one)
  }
  switch (schema.type) {
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 100 })
    case 'string':
      return passing(texts, (value) => passes(schema, value))
    case 'array':
      return fc.uniqueArray(itemOf(schema), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(4, schema.maxItems ?? 4),
        selector: (item) => JSON.stringify(item),
      })
    default:
      return objectOf(schema)
  }
}

/** A rule about the members of a list may stand on the list. */
function itemOf(schema: ObjectSchema): Any {
  const item = valueOf(schema.items!)
  if (schema.items!.type !== 'string' || schema.items!.enum) return item
  return passing(texts, (value) => passes(schema, [value]))
}

function objectOf(schema: ObjectSchema): Any {
  const { properties, required = [], additionalProperties } = schema
  if (properties)
    return fc.record(Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, valueOf(child)])), {
      requiredKeys: [...required],
    })
  if (typeof additionalProperties !== 'object') return publicKey
  const values = valueOf(additionalProperties)
  const pairs = texts.map((keys) => fc.tuple(keys, values).map(([key, value]) => ({ [key]: value })))
  return fc
    .array(
      passing(pairs, (pair) => passes(schema, pair)),
      { maxLength: 3 },
    )
    .map((maps) => Object.assign({}, ...maps) as Fields)
}

/** What the API server has against a spec. */
const refusals = (spec: unknown) => validate(spec, undefined, clientSchema)

/** Takes out of a spec what somebody refuses, until nothing is left to refuse.
 *  @param refuse paths below spec
 *  @returns undefined when that does not help */
export function withoutFaults(
  spec: Fields,
  refuse: (spec: Fields) => readonly { readonly field: string }[],
): Fields | undefined {
  let left = spec
  for (let turn = 0; turn < 12; turn++) {
    const faults = refuse(left)
    if (faults.length === 0) return left
    left = faults.reduce<Fields>((rest, { field }) => without(rest, clientSchema, pathOf(field)), left)
  }
  return undefined
}

/** A fault in a list or a map takes the whole of it. */
const pathOf = (field: string): string[] => field.replace(/\[.*$/, '').split('.')

function without(value: Fields, schema: ObjectSchema, [first = '', ...rest]: string[]): Fields {
  const { [first]: child, ...others } = value
  const inner = schema.properties?.[first]
  if (!isObject(child) || inner?.properties === undefined) return others
  if (rest.length > 0) return { ...others, [first]: without(child, inner, rest) }
  // of what must not stand together any part may be the one that goes
  const keys = Object.keys(child)
  const part = keys[JSON.stringify(value).length % keys.length]
  const isAllOrNothing = inner.required !== undefined || keys.length < 2 || part === undefined
  return isAllOrNothing ? others : { ...others, [first]: without(child, inner, [part]) }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Most types ask for redirects, so these are good from the start. */
const redirects = (type: string): fc.Arbitrary<string[]> =>
  fc.uniqueArray(
    passing([...texts, address, address, address], (uri) =>
      refusals({ type, redirectURIs: [uri] }).every(({ field }) => field !== 'redirectURIs'),
    ),
    { minLength: 1, maxLength: 4 },
  )

const redirecting = new Map(['Web', 'SPA', 'Native'].map((type) => [type, redirects(type)]))
const fields = objectOf(clientSchema) as fc.Arbitrary<Fields>

/** Specs that the CRD takes: its schema and its rules, with its defaults filled in as the API server does. */
export const anyClientSpec: fc.Arbitrary<OIDCClientSpec> = fc
  .constantFrom(...(clientSchema.properties!['type']!.enum as string[]))
  .chain((type) => fc.tuple(fields, redirecting.get(type) ?? fc.constant([]), fc.constant(type)))
  .map(([spec, redirectURIs, type]) => ({ ...spec, type, redirectURIs }))
  .map((spec) => withoutFaults(applyDefaults(spec, clientSchema) as Fields, refusals))
  .filter((spec) => spec !== undefined) as fc.Arbitrary<OIDCClientSpec>

/** What policies may give to clients that say nothing. */
export const anyPolicyDefaults = valueOf(policySchema.properties!['defaults']!) as fc.Arbitrary<
  NonNullable<OIDCPolicySpec['defaults']>
>

/** What a policy may say, but for whom it selects and whether it binds. */
export const anyPolicySpec = objectOf({
  ...policySchema,
  properties: Object.fromEntries(
    Object.entries(policySchema.properties!).filter(([field]) => field !== 'selector' && field !== 'enforcement'),
  ),
}) as fc.Arbitrary<OIDCPolicySpec>
