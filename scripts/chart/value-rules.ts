import { federationProvider, ldapSettings, outboundAllow, policySpec, processSettings } from './process-settings.ts'
import type { ValuesSchema } from './schema.ts'
import { listOf, oneOf, orEmpty, orNull, pattern, ref } from './schema.ts'

export const definitions: Record<string, ValuesSchema> = {
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

const probe: ValuesSchema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    ['initialDelaySeconds', 'periodSeconds', 'timeoutSeconds', 'failureThreshold', 'successThreshold'].map((field) => [
      field,
      { type: 'integer', minimum: 0 },
    ]),
  ),
}

/** What the value of a path may be; the first expression that matches the whole path decides. Where none does, the type of
 *  the default does. */
export const rules: readonly (readonly [RegExp, ValuesSchema])[] = [
  // validate.yaml says in words what is wrong with it: a schema could only show its pattern
  [/issuer/, { type: 'string', maxLength: 2048 }],
  [/profile/, orEmpty('hardened')],
  [/clusterDomain/, pattern('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', 253)],
  [/server\.outbound\.allow/, orNull(outboundAllow())],
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
  [/tracing\.endpoint/, pattern('^(https?://.+)?$')],
  [/log\.level/, oneOf('debug', 'info', 'warn', 'error')],
  [/log\.format/, oneOf('json', 'pretty')],
  [/.*\.log\.level/, orEmpty('debug', 'info', 'warn', 'error')],
  [/.*\.log\.format/, orEmpty('json', 'pretty')],
  [/server\.replicaCount/, orNull(ref('replicas'))],
  [/operator\.replicaCount|valkey\.replicas/, ref('replicas')],
  [/server\.resources\.limits\.cpu/, { anyOf: [pattern('^$'), ref('quantity')] }],
  [/.*\.resources\..*/, ref('quantity')],
  // a rule of no ports is one of all: only what has ports of its own elsewhere can be left empty
  [/networkPolicy\.ports\.(dns|apiServer|hub|cache|https)/, { ...listOf(ref('port')), minItems: 1 }],
  [/networkPolicy\.ports\.(database|ldap|smtp|tracing)/, listOf(ref('port'))],
  [/.*\.ports\.[a-zA-Z]+|(database|database\.direct|smtp)\.port/, ref('port')],
  [/service\.port/, orNull(ref('port'))],
  [/.*Seconds/, ref('seconds')],
  [/server\.extraHosts|server\.trustedProxies/, listOf({ type: 'string', minLength: 1 })],
  [/server\.mutualTLS\.header/, orEmpty('nginx', 'envoy', 'traefik', 'haproxy')],
  [/server\.mutualTLS\.clientCA\.kind/, oneOf('ConfigMap', 'Secret')],
  [/server\.mutualTLS\.url/, { type: 'string', maxLength: 300 }],
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
    /.*\.(existingSecret|name|secretName)|link\.existingSecret\.(agent|operator)|branding\.existingConfigMap\.name|branding\.texts\.existingConfigMap/,
    ref('objectName'),
  ],
  [/branding\.existingConfigMap\.(key|cssKey|layoutKey)/, pattern('^[-._a-zA-Z0-9]*$', 253)],
  [/.*\.(key|userKey|passwordKey)/, ref('objectKey')],
  [/.*\.podSecurity/, oneOf('restricted', 'openshift')],
  [/.*\.topologySpreadConstraints/, orNull(ref('kubernetesList'))],
  [/.*\.extra(Env|Volumes|Containers)/, ref('namedList')],
  [/operator\.serverName/, pattern('^[a-z0-9A-Z]([-a-z0-9A-Z_.]{0,61}[a-z0-9A-Z])?$')],
  [/operator\.mode/, oneOf('hub', 'spoke')],
  [/operator\.spoke\.cluster/, pattern('^([a-z0-9]([-a-z0-9]{0,44}[a-z0-9])?)?$')],
  [/operator\.spoke\.kubeconfigSecret/, ref('objectName')],
  [/operator\.watch\.mode/, oneOf('cluster', 'namespaces', 'release')],
  [/operator\.watch\.namespaces/, { ...listOf(ref('namespace')), uniqueItems: true }],
  [/operator\.nudge|operator\.admission\.enabled/, orNull({ type: 'boolean' })],
  [/signing\.algorithms/, { ...listOf(oneOf('ES256', 'RS256', 'PS256', 'EdDSA')), minItems: 1, uniqueItems: true }],
  [/signing\.(idToken|accessToken)/, oneOf('ES256', 'RS256', 'PS256', 'EdDSA')],
  [/signing\.userinfo/, orEmpty('ES256', 'RS256', 'PS256', 'EdDSA')],
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
  [/tracing\.sampleRatio/, { type: 'number', minimum: 0, maximum: 1 }],
  [/database\.poolMax/, { type: 'integer', minimum: 2, maximum: 200 }],
  [/backup\.schedule/, { type: 'string', minLength: 1 }],
  [/backup\.recipient/, { type: 'string', maxLength: 65_536 }],
  [/backup\.keep/, { type: 'integer', minimum: 1, maximum: 10_000 }],
  [/backup\.existingClaim/, ref('objectName')],
  [/backup\.secrets/, { ...listOf(pattern('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', 253)), uniqueItems: true }],
  [/migrations\.mode/, oneOf('init', 'off')],
  [/smtp\.tls/, oneOf('starttls', 'implicit')],
  [/smtp\.(host|from)/, { type: 'string', maxLength: 320 }],
  [/cache\.mode/, oneOf('none', 'valkey', 'external')],
  [/valkey\.architecture/, oneOf('sentinel', 'standalone')],
  // With less, a primary that is cut off would still accept writes when a new one does: see files/valkey/node.sh.
  [/valkey\.downAfterMilliseconds/, { type: 'integer', minimum: 3_000, maximum: 600_000 }],
  [/valkey\.maxMemory/, pattern('^[0-9]+(b|k|kb|m|mb|g|gb)?$')],
  [/federation\.providers/, listOf(federationProvider())],
  [/branding\.title/, { type: 'string', maxLength: 80 }],
  [/service\.type/, oneOf('ClusterIP', 'NodePort', 'LoadBalancer')],
  [/metrics\.podMonitor\.renderMode/, oneOf('skipIfMissing', 'failIfMissing', 'alwaysRender')],
  [/networkPolicy\.dnsNamespace/, ref('namespace')],
  [/extraObjects/, listOf({ anyOf: [{ type: 'string' }, ref('kubernetesObject')] })],
  [
    /.*\.(extraVolumeMounts|tolerations|metrics|parentRefs|ingressFrom|metricsFrom|extraIngress)|networkPolicy\.extraEgress\..*/,
    ref('kubernetesList'),
  ],
  [/networkPolicy\.egress\..*/, ref('kubernetesList')],
  [/server\.settings/, processSettings.server()],
  [/ldap\.settings/, ldapSettings()],
  [/agent\.settings/, processSettings.agent()],
  [/operator\.settings/, processSettings.operator()],
  [/operator\.policy/, policySpec()],
]

/** Keys that a user may set to null, which removes them; the templates handle that. */
export const nullable =
  /^(server\.replicaCount|service\.port|.*\.pdb\.m(ax|in).*|.*\.topologySpreadConstraints|server\.autoscaling\.(minReplicas|targetCPU)|operator\.nudge|operator\.admission\.enabled|server\.outbound\.allow)$/
