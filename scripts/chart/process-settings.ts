// What the processes themselves say about a value: their settings, and the spec of a policy.
import { settingsSchema as agentSettings } from '@nauthera/config-agent/settings'
import { policyDefinition } from '@nauthera/operator/api/crds'
import { settingsSchema as operatorSettings } from '@nauthera/operator/settings'
import { z } from '@nauthera/runtime/settings'
import { settingsSchema as serverSettings } from '@nauthera/server/settings'
import type { ValuesSchema } from './schema.ts'

/** `agent.settings` and the like: what the chart has no value of its own for. */
export const processSettings = {
  server: () =>
    settingsOf(serverSettings, [
      'issuer',
      'listen.port',
      'tls',
      'mutualTLS',
      'management.port',
      'log',
      'extraHosts',
      'trustedProxies',
      'allowUntrustedProxy',
      'outbound.allow',
      'config',
      'keysDirectory',
      'database.dsnFile',
      'database.host',
      'database.port',
      'database.name',
      'database.usernameFile',
      'database.passwordFile',
      'database.sslMode',
      'database.caFile',
      'database.poolMax',
      'database.direct',
      'cache.urlFile',
      'cache.host',
      'cache.port',
      'cache.sentinels',
      'cache.sentinelName',
      'cache.passwordFile',
      'cache.caFile',
      'mail',
      'signing.algorithms',
      'signing.idToken',
      'signing.accessToken',
      'signing.userinfo',
      'signing.jwksFile',
      'upstreams',
      'branding.title',
      'branding.logoFile',
      'branding.cssFile',
      'branding.layoutFile',
      'branding.textsDirectory',
      'replica',
    ]),
  agent: () =>
    settingsOf(agentSettings, [
      'release',
      'namespace',
      'replica',
      'clientsDirectory',
      'linkDirectory',
      'stateDirectory',
      'config',
      'status.port',
      'management.port',
      'log',
    ]),
  operator: () =>
    settingsOf(operatorSettings, [
      'issuer',
      'release',
      'namespace',
      'mode',
      'spoke',
      'serverName',
      'identity',
      'watch',
      'nudge',
      'networkPolicy',
      'policy',
      'link',
      'management.port',
      'log',
    ]),
}

/** What the server says of `outbound.allow`. */
export function outboundAllow(): ValuesSchema {
  const whole = z.toJSONSchema(serverSettings, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  }) as ValuesSchema
  return strip(whole.properties!['outbound']!.properties!['allow']!)
}

/** What the server says of one of `upstreams`; the chart gives its files by a Secret and a ConfigMap. */
export function federationProvider(): ValuesSchema {
  const whole = z.toJSONSchema(serverSettings, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  }) as ValuesSchema
  const provider = strip(whole.properties!['upstreams']!.items!)
  const {
    clientId: _id,
    clientIdFile: _idFile,
    clientSecretFile: _secretFile,
    logoFile: _logo,
    ...properties
  } = provider.properties!
  const secret: ValuesSchema = {
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: {
      name: { $ref: '#/definitions/objectName', minLength: 1 },
      idKey: { $ref: '#/definitions/objectKey' },
      secretKey: { $ref: '#/definitions/objectKey' },
    },
  }
  const logo: ValuesSchema = {
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: {
      name: { $ref: '#/definitions/objectName', minLength: 1 },
      key: { $ref: '#/definitions/objectKey' },
    },
  }
  return { ...provider, required: ['id', 'secret'], properties: { ...properties, secret, logo } }
}

/** What the server says of a source that is a directory, without the keys that the chart has values of its own for. */
export function ldapSettings(): ValuesSchema {
  const whole = z.toJSONSchema(serverSettings, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  }) as ValuesSchema
  const kinds = whole.properties!['sources']!.items!.oneOf!
  const ldap = kinds.find(({ properties }) => properties!['userBase'] !== undefined)!
  const owned = ['type', 'urls', 'startTLS', 'caFile', 'usernameFile', 'passwordFile', 'userBase', 'groups.base']
  return without(strip(ldap), new Set(owned), '')
}

/** The settings of a process without the keys that the chart has values of its own for. */
function settingsOf(schema: z.ZodType, owned: readonly string[]): ValuesSchema {
  const whole = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any' }) as ValuesSchema
  delete whole.$schema
  return without(strip(whole), new Set(owned), '')
}

function without(schema: ValuesSchema, owned: ReadonlySet<string>, path: string): ValuesSchema {
  if (!schema.properties) return schema
  const properties: Record<string, ValuesSchema> = {}
  for (const [key, child] of Object.entries(schema.properties)) {
    const childPath = path === '' ? key : `${path}.${key}`
    if (owned.has(childPath)) continue
    const rest = without(child, owned, childPath)
    if (rest.properties && Object.keys(rest.properties).length === 0) continue
    properties[key] = rest
  }
  return { ...schema, properties }
}

/** Without defaults, which the process knows, and without `required`, since the chart may set a required key itself. */
function strip(schema: ValuesSchema): ValuesSchema {
  const { default: _default, ...rest } = schema
  if (rest.properties) {
    delete rest.required
    rest.properties = Object.fromEntries(Object.entries(rest.properties).map(([key, child]) => [key, strip(child)]))
  }
  return rest
}

/** Spec of an OIDCPolicy without its selector, which makes no sense for a baseline. */
export function policySpec(): ValuesSchema {
  const version = policyDefinition.spec.versions[0]!
  const spec = (version.schema.openAPIV3Schema as ValuesSchema).properties!['spec']!
  const { selector: _selector, ...properties } = spec.properties!
  return closed({ type: 'object', properties })
}

/** A structural schema as draft-07: closed, since Kubernetes prunes unknown fields and Helm would let them pass. */
function closed(schema: ValuesSchema): ValuesSchema {
  const kept = Object.fromEntries(
    Object.entries(schema).filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'default' && key !== 'format'),
  ) as ValuesSchema
  if (kept.items) kept.items = closed(kept.items)
  if (typeof kept.additionalProperties === 'object') kept.additionalProperties = closed(kept.additionalProperties)
  if (kept.properties) {
    kept.properties = Object.fromEntries(Object.entries(kept.properties).map(([key, child]) => [key, closed(child)]))
    kept.additionalProperties ??= false
  }
  return kept
}
