// Ingresses, HTTPRoutes and Gateways for tables.
import type { Gateway, HttpRoute, Ingress } from '../../src/decide/client/route-hosts.ts'

interface Meta {
  readonly namespace?: string
  readonly name?: string
  readonly createdAt?: string
}

const metadataOf = ({ namespace = 'demo', name = 'web', createdAt = '2026-01-01T00:00:00Z' }: Meta) => ({
  namespace,
  name,
  uid: `uid-of-${namespace}-${name}`,
  generation: 2,
  creationTimestamp: createdAt,
})

/** @param hosts with TLS; its controller has given it an address */
export const ingress = (hosts: readonly string[], meta: Meta = {}): Ingress => ({
  metadata: metadataOf(meta),
  spec: { tls: [{ hosts }], rules: hosts.map((host) => ({ host })) },
  status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
})

type Listener = NonNullable<NonNullable<Gateway['spec']>['listeners']>[number]

export const listener = (change: Partial<Listener> = {}): Listener => ({
  name: 'https',
  port: 443,
  protocol: 'HTTPS',
  allowedRoutes: { namespaces: { from: 'All' } },
  ...change,
})

/** The Gateway infra/edge. */
export const gateway = (...listeners: readonly Listener[]): Gateway => ({
  metadata: { namespace: 'infra', name: 'edge' },
  spec: { listeners },
})

const toEdge = { namespace: 'infra', name: 'edge' }

/** @param parentRef of a parent that has accepted generation 2, the present one */
export const httpRoute = (
  hostnames: readonly string[],
  { accepted = {}, parentRef = toEdge, ...meta }: Meta & { accepted?: object; parentRef?: object } = {},
): HttpRoute => ({
  metadata: metadataOf(meta),
  spec: { hostnames, parentRefs: [{ ...toEdge, ...parentRef }] },
  status: {
    parents: [
      {
        parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...toEdge, ...parentRef },
        conditions: [
          { type: 'Accepted', status: 'True', reason: 'Accepted', observedGeneration: 2, ...accepted },
          { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', observedGeneration: 2 },
        ],
      },
    ],
  },
})
