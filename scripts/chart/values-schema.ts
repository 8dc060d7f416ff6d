// values.schema.json: shape and defaults from values.yaml, what a leaf may be from the rules below, `settings` from the
// process that reads them. Draft-07, closed at every level but labels and what Kubernetes itself checks.
import { settingsSchema as agentSettings } from '@nauthera/config-agent/settings'
import { policyDefinition } from '@nauthera/operator/api/crds'
import { settingsSchema as operatorSettings } from '@nauthera/operator/settings'
import { z } from '@nauthera/runtime/settings'
import { settingsSchema as serverSettings } from '@nauthera/server/settings'
import { chartDirectory, isMap, readValues } from './values.ts'
import type { Value } from './values.ts'

interface Schema {
  $schema?: string
  $ref?: string
  title?: string
  description?: string
  type?: string | string[]
  enum?: readonly (string | null)[]
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  uniqueItems?: boolean
  items?: Schema
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  propertyNames?: Schema
  required?: string[]
  allOf?: Schema[]
  anyOf?: Schema[]
  maxProperties?: number
  const?: Value
  not?: Schema
  definitions?: Record<string, Schema>
  default?: unknown
  [extension: `x-kubernetes-${string}`]: unknown
}

const ref = (name: string): Schema => ({ $ref: `#/definitions/${name}` })
const oneOf = (...values: string[]): Schema => ({ type: 'string', enum: values })
const orEmpty = (...values: string[]): Schema => ({ type: 'string', enum: ['', ...values] })
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const listOf = (items: Schema): Schema => ({ type: 'array', items })
const pattern = (text: string, maxLength?: number): Schema => ({
  type: 'string',
  pattern: text,
  ...(maxLength === undefined ? {} : { maxLength }),
})

const definitions: Record<string, Schema> = {
  port: { type: 'integer', minimum: 1, maximum: 65535 },
  seconds: { type: 'integer', minimum: 0, maximum: 86_400 },
  replicas: { type: 'integer', minimum: 0, maximum: 100 },
  labels: { type: 'object', additionalProperties: { type: 'string' } },
  // The name of a Secret or ConfigMap (RFC 1123 subdomain), or empty.
  objectName: pattern('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', 253),
  objectKey: pattern('^[-._a-zA-Z0-9]+$', 253),
  namespace: pattern('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'),
  quantity: { anyOf: [pattern('^[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$'), { type: 'number', minimum: 0 }] },
  duration: pattern('^[0-9]+(ms|s|m|h)$'),
  intOrPercent: { anyOf: [{ type: 'integer', minimum: 0 }, pattern('^[0-9]+%$')] },
  // What Kubernetes checks itself; only the shape is asked for here.
  kubernetesObject: { type: 'object', additionalProperties: true },
  kubernetesList: { type: 'array', items: { type: 'object', additionalProperties: true } },
  namedList: {
    type: 'array',
    items: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', minLength: 1 } },
      additionalProperties: true,
    },
  },
}

const probe: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    ['initialDelaySeconds', 'periodSeconds', 'timeoutSeconds', 'failureThreshold', 'successThreshold'].map((field) => [
      field,
      { type: 'integer', minimum: 0 },
    ]),
  ),
}

/** An issuer that the server would write the same way: it compares byte by byte. What validate.yaml says better is let through: the
 *  scheme, a query, a fragment, a last slash, a port that goes without saying. Go's expressions look neither ahead nor behind. */
function issuerPattern(): string {
  const host = String.raw`(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(:[1-9][0-9]{0,4})?`
  // no dot in percent-encoding: that makes a segment `..` too
  const character = String.raw`([0-9A-Za-z_~!$&'()*+,;=:@-]|%([013-9A-Fa-f][0-9A-Fa-f]|2[0-9A-DFa-df]))`
  const segment = String.raw`((\.{0,2}${character}|\.{3})(\.|${character})*)?`
  return String.raw`^(([a-z]+://)?${host}(/${segment})*([?#]\S*)?)?$`
}

/** What the value of a path may be; the first expression that matches the whole path decides. Where none does, the type of
 *  the default does. */
const rules: readonly (readonly [RegExp, Schema])[] = [
  [/issuer/, pattern(issuerPattern(), 2048)],
  [/fullnameOverride/, pattern('^([a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?)?$')],
  [/global\.imagePullSecrets/, listOf({ ...ref('objectName') })],
  [
    /global\.commonLabels|.*\.podLabels|.*\.nodeSelector|.*\.annotations|.*\.podAnnotations|metrics\..*\.labels/,
    ref('labels'),
  ],
  [/(.*\.)?image\.digest/, pattern('^(sha256:[0-9a-f]{64})?$')],
  [/(.*\.)?image\.tag/, pattern('^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$')],
  [/image\.pullPolicy/, oneOf('Always', 'IfNotPresent', 'Never')],
  [/.*\.image\.pullPolicy/, orEmpty('Always', 'IfNotPresent', 'Never')],
  [/log\.level/, oneOf('debug', 'info', 'warn', 'error')],
  [/log\.format/, oneOf('json', 'pretty')],
  [/.*\.log\.level/, orEmpty('debug', 'info', 'warn', 'error')],
  [/.*\.log\.format/, orEmpty('json', 'pretty')],
  [/server\.replicaCount/, orNull(ref('replicas'))],
  [/operator\.replicaCount|valkey\.replicas/, ref('replicas')],
  [/.*\.resources\..*/, ref('quantity')],
  [/.*\.ports\.[a-z]+|database\.port/, ref('port')],
  [/service\.port/, orNull(ref('port'))],
  [/.*Seconds/, ref('seconds')],
  [/server\.extraHosts|server\.trustedProxies/, listOf({ type: 'string', minLength: 1 })],
  [/server\.rollingUpdate\..*/, ref('intOrPercent')],
  [/.*\.pdb\.m(ax|in).*/, orNull(ref('intOrPercent'))],
  [
    /server\.probes/,
    { type: 'object', additionalProperties: false, properties: { startup: probe, liveness: probe, readiness: probe } },
  ],
  [/server\.autoscaling\.minReplicas/, orNull({ type: 'integer', minimum: 1 })],
  [/server\.autoscaling\.maxReplicas/, { type: 'integer', minimum: 1 }],
  [/server\.autoscaling\.targetCPU/, orNull({ type: 'integer', minimum: 1 })],
  [/server\.autoscaling\.behavior|.*\.affinity/, ref('kubernetesObject')],
  [/database\.name/, { type: 'string', minLength: 1 }],
  [
    /.*\.(existingSecret|name|secretName)|link\.existingSecret\.(agent|operator)|branding\.existingConfigMap\.name/,
    ref('objectName'),
  ],
  [/.*\.(key|userKey|passwordKey)/, ref('objectKey')],
  [/.*\.podSecurity/, oneOf('restricted', 'openshift')],
  [/.*\.topologySpreadConstraints/, orNull(ref('kubernetesList'))],
  [/.*\.extra(Env|Volumes|Containers)/, ref('namedList')],
  [/operator\.serverName/, pattern('^[a-z0-9A-Z]([-a-z0-9A-Z_.]{0,61}[a-z0-9A-Z])?$')],
  [/operator\.watch\.mode/, oneOf('cluster', 'namespaces', 'release')],
  [/operator\.watch\.namespaces/, { ...listOf(ref('namespace')), uniqueItems: true }],
  [/operator\.nudge|operator\.admission\.enabled/, orNull({ type: 'boolean' })],
  [/signing\.algorithms/, { ...listOf(oneOf('ES256', 'RS256', 'PS256', 'EdDSA')), minItems: 1, uniqueItems: true }],
  [/link\.mode/, oneOf('operator', 'certManager', 'existingSecret')],
  [
    /certManager\.issuerRef/,
    {
      type: 'object',
      additionalProperties: false,
      properties: { name: { type: 'string', minLength: 1 }, kind: { type: 'string' }, group: { type: 'string' } },
      anyOf: [{ maxProperties: 0 }, { required: ['name'] }],
    },
  ],
  [/certManager\.duration|metrics\.podMonitor\.interval/, ref('duration')],
  [/database\.sslMode/, oneOf('verify-full', 'require', 'disable')],
  [/database\.poolMax/, { type: 'integer', minimum: 2, maximum: 200 }],
  [/migrations\.mode/, oneOf('init', 'off')],
  [/cache\.mode/, oneOf('none', 'valkey', 'external')],
  [/valkey\.architecture/, oneOf('sentinel', 'standalone')],
  // Less, and a primary that is cut off would still take writes when the next one does: see files/valkey/node.sh.
  [/valkey\.downAfterMilliseconds/, { type: 'integer', minimum: 3_000, maximum: 600_000 }],
  [/valkey\.maxMemory/, pattern('^[0-9]+(b|k|kb|m|mb|g|gb)?$')],
  [/branding\.title/, { type: 'string', maxLength: 80 }],
  [/service\.type/, oneOf('ClusterIP', 'NodePort', 'LoadBalancer')],
  [/metrics\.podMonitor\.renderMode/, oneOf('skipIfMissing', 'failIfMissing', 'alwaysRender')],
  [/networkPolicy\.dnsNamespace/, ref('namespace')],
  [/extraObjects/, listOf({ anyOf: [{ type: 'string' }, ref('kubernetesObject')] })],
  [
    /.*\.(extraVolumeMounts|tolerations|metrics|parentRefs|ingressFrom|metricsFrom|extraIngress|extraEgress)/,
    ref('kubernetesList'),
  ],
  [/networkPolicy\.egress\..*/, ref('kubernetesList')],
  [
    /server\.settings/,
    settingsOf(serverSettings, [
      'issuer',
      'listen.port',
      'tls',
      'management.port',
      'log',
      'extraHosts',
      'trustedProxies',
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
      'cache.urlFile',
      'cache.host',
      'cache.port',
      'cache.sentinels',
      'cache.sentinelName',
      'cache.passwordFile',
      'cache.caFile',
      'signing.algorithms',
      'branding.title',
      'branding.logoFile',
      'replica',
    ]),
  ],
  [
    /agent\.settings/,
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
  ],
  [
    /operator\.settings/,
    settingsOf(operatorSettings, [
      'issuer',
      'release',
      'namespace',
      'serverName',
      'identity',
      'watch',
      'nudge',
      'policy',
      'link',
      'management.port',
      'log',
    ]),
  ],
  [/operator\.policy/, policySpec()],
]

/** Keys that may be absent: a person's null takes them away, and the templates know. */
const nullable =
  /^(server\.replicaCount|service\.port|.*\.pdb\.m(ax|in).*|.*\.topologySpreadConstraints|server\.autoscaling\.(minReplicas|targetCPU)|operator\.nudge|operator\.admission\.enabled)$/

/** @returns values.schema.json */
export function renderValuesSchema(): { path: string; content: string } {
  const { defaults, parameters } = readValues()
  const descriptions = new Map(parameters.map(({ path, description }) => [path, description]))
  const root: Schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart nauthera',
    definitions,
    ...schemaOf(defaults, '', descriptions),
  }
  return { path: `${chartDirectory}/values.schema.json`, content: `${JSON.stringify(root, undefined, 2)}\n` }
}

function schemaOf(value: Value, path: string, descriptions: ReadonlyMap<string, string>): Schema {
  const description = descriptions.get(path)
  const described = (schema: Schema): Schema =>
    // Beside $ref nothing else counts in draft-07.
    description === undefined ? schema : schema.$ref ? { description, allOf: [schema] } : { description, ...schema }
  // A map with keys is described key by key, unless it is a value as a whole.
  const leaf = !isMap(value) || Object.keys(value).length === 0 || description !== undefined
  const rule = leaf ? rules.find(([expression]) => new RegExp(`^(${expression.source})$`).test(path)) : undefined
  if (rule) return described(rule[1])
  if (isMap(value)) {
    const keys = Object.keys(value)
    if (keys.length === 0) throw new Error(`${path}: an empty map needs a rule in scripts/chart/values-schema.ts`)
    const child = (key: string) => (path === '' ? key : `${path}.${key}`)
    return described({
      type: 'object',
      // A parent chart puts its own keys into `global`, and Helm itself into the values of a library.
      additionalProperties: path === 'global',
      required: keys.filter((key) => !nullable.test(child(key))),
      properties: Object.fromEntries(keys.map((key) => [key, schemaOf(value[key]!, child(key), descriptions)])),
    })
  }
  if (value === null || Array.isArray(value)) throw new Error(`${path}: needs a rule in scripts/chart/values-schema.ts`)
  return described({ type: typeof value === 'number' ? 'integer' : typeof value })
}

/** The settings of a process without the keys that the chart has values of its own for. */
function settingsOf(schema: z.ZodType, owned: readonly string[]): Schema {
  const whole = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any' }) as Schema
  delete whole.$schema
  return without(strip(whole), new Set(owned), '')
}

function without(schema: Schema, owned: ReadonlySet<string>, path: string): Schema {
  if (!schema.properties) return schema
  const properties: Record<string, Schema> = {}
  for (const [key, child] of Object.entries(schema.properties)) {
    const childPath = path === '' ? key : `${path}.${key}`
    if (owned.has(childPath)) continue
    const rest = without(child, owned, childPath)
    if (rest.properties && Object.keys(rest.properties).length === 0) continue
    properties[key] = rest
  }
  return { ...schema, properties }
}

/** Defaults are the process's business; what is required may stand in a key of the chart. */
function strip(schema: Schema): Schema {
  const { default: _default, ...rest } = schema
  if (rest.properties) {
    delete rest.required
    rest.properties = Object.fromEntries(Object.entries(rest.properties).map(([key, child]) => [key, strip(child)]))
  }
  return rest
}

/** Spec of an OIDCPolicy without its selector, which makes no sense for a baseline. */
function policySpec(): Schema {
  const version = policyDefinition.spec.versions[0]!
  const spec = (version.schema.openAPIV3Schema as Schema).properties!['spec']!
  const { selector: _selector, ...properties } = spec.properties!
  return closed({ type: 'object', properties })
}

/** A structural schema as draft-07: closed, since Kubernetes prunes unknown fields and Helm would let them pass. */
function closed(schema: Schema): Schema {
  const kept = Object.fromEntries(
    Object.entries(schema).filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'default' && key !== 'format'),
  ) as Schema
  if (kept.items) kept.items = closed(kept.items)
  if (typeof kept.additionalProperties === 'object') kept.additionalProperties = closed(kept.additionalProperties)
  if (kept.properties) {
    kept.properties = Object.fromEntries(Object.entries(kept.properties).map(([key, child]) => [key, closed(child)]))
    kept.additionalProperties ??= false
  }
  return kept
}
