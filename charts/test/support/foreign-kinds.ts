// The specs of kinds that are neither Kubernetes' own nor ours, as far as the chart uses them.
// Sources: cert-manager.io/v1, monitoring.coreos.com/v1, gateway.networking.k8s.io/v1 (API references).

/** What a field may be: a type, a list of one, or a map of named fields; a name with `!` must be there. `any`: what a person
 *  passes through. */
export type Shape =
  'string' | 'number' | 'boolean' | 'strings' | 'any' | readonly [Shape] | { readonly [name: string]: Shape }

const certificate: Shape = {
  'secretName!': 'string',
  'issuerRef!': { 'name!': 'string', kind: 'string', group: 'string' },
  commonName: 'string',
  dnsNames: ['string'],
  duration: 'string',
  renewBefore: 'string',
  isCA: 'boolean',
  usages: ['string'],
  privateKey: { algorithm: 'string', size: 'number', rotationPolicy: 'string', encoding: 'string' },
}

/** apiVersion and kind -> its spec. */
export const foreignKinds: Readonly<Record<string, Shape>> = {
  'cert-manager.io/v1 Certificate': certificate,
  'cert-manager.io/v1 Issuer': { selfSigned: {}, ca: { 'secretName!': 'string' } },
  'monitoring.coreos.com/v1 PodMonitor': {
    'selector!': { matchLabels: 'strings' },
    'podMetricsEndpoints!': [{ 'port!': 'string', path: 'string', interval: 'string', scheme: 'string' }],
  },
  'monitoring.coreos.com/v1 PrometheusRule': {
    'groups!': [
      {
        'name!': 'string',
        interval: 'string',
        'rules!': [{ 'alert!': 'string', 'expr!': 'string', for: 'string', labels: 'strings', annotations: 'strings' }],
      },
    ],
  },
  'gateway.networking.k8s.io/v1 HTTPRoute': {
    'parentRefs!': 'any',
    hostnames: ['string'],
    'rules!': [
      {
        matches: [{ path: { 'type!': 'string', 'value!': 'string' } }],
        'backendRefs!': [{ 'name!': 'string', 'port!': 'number', weight: 'number' }],
      },
    ],
  },
}

/** @returns every field that the shape does not know, of another type, or missing, with its path */
export function foreignFaults(value: unknown, shape: Shape, path: string): string[] {
  if (shape === 'any') return []
  if (shape === 'strings') {
    return Object.entries(value as object).flatMap(([key, item]) => foreignFaults(item, 'string', `${path}.${key}`))
  }
  if (typeof shape === 'string') return typeof value === shape ? [] : [`${path}: is no ${shape}`]
  if (isList(shape)) {
    if (!Array.isArray(value)) return [`${path}: is no list`]
    return value.flatMap((item, index) => foreignFaults(item, shape[0], `${path}[${index}]`))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: is no map`]
  const fields = new Map(Object.entries(shape).map(([name, child]) => [name.replace('!', ''), child]))
  const needed = Object.keys(shape).filter((name) => name.endsWith('!'))
  return [
    ...Object.entries(value).flatMap(([key, item]) => {
      const child = fields.get(key)
      return child === undefined ? [`${path}.${key}: unknown`] : foreignFaults(item, child, `${path}.${key}`)
    }),
    ...needed
      .map((name) => name.slice(0, -1))
      .flatMap((name) => (name in value ? [] : [`${path}.${name}: is missing`])),
  ]
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape)
