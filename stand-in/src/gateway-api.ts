// CustomResourceDefinitions of the Gateway API in the form that tests need: its kinds and their status, without its rules.
import type { KubeObject } from './objects.ts'

const definitionOf = (kind: string, plural: string): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `${plural}.gateway.networking.k8s.io`,
    // the API server takes no definition below *.k8s.io without it
    annotations: { 'api-approved.kubernetes.io': 'unapproved, a test needs its form alone' },
  },
  spec: {
    group: 'gateway.networking.k8s.io',
    names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
      },
    ],
  },
})

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

export const gatewayDefinitions: readonly KubeObject[] = [
  definitionOf('HTTPRoute', 'httproutes'),
  definitionOf('Gateway', 'gateways'),
]
