// What is said about an object: by the API server with its CRD, and by the operator itself.
import { applyDefaults, prune, validate } from '@nauthera/stand-in/schema'
import type { ObjectSchema as StandInSchema } from '@nauthera/stand-in/objects'
import { clientDefinition } from '../../src/api/crds.ts'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { acceptClients } from '../../src/decide/client/accept-clients.ts'
import { checkPolicies } from '../../src/decide/client/check-policies.ts'
import type { Policies } from '../../src/decide/client/policies.ts'
import { renderSecret } from '../../src/decide/secret/secret.ts'

export interface SchemaRefusal {
  readonly path: string
  readonly message: string
}

export const schemaOf = (definition: typeof clientDefinition): StandInSchema =>
  definition.spec.versions[0]!.schema.openAPIV3Schema as StandInSchema

/** What the API server says, by its schema and CEL. */
export function refusals(object: object, old?: object, schema = schemaOf(clientDefinition)): SchemaRefusal[] {
  const { pruned, unknown } = prune(object, schema)
  const causes = validate(applyDefaults(pruned, schema), old, schema)
  return [
    ...unknown.map((path) => ({ path, message: `unknown field "${path}"` })),
    ...causes.map(({ field, message }) => ({ path: field, message })),
  ]
}

export const baseline: Policies = [{ name: 'baseline', spec: {} }]

/** What the operator says by itself, when nothing in front of it has looked. */
export function ownRefusals(client: OIDCClient, policies: Policies = baseline): readonly SchemaRefusal[] {
  const acceptance = acceptClients([client], () => policies).get(
    `${client.metadata.namespace}/${client.metadata.name}`,
  )!
  if (acceptance.kind === 'invalid') return acceptance.faults
  if (acceptance.kind === 'too-large') return [{ path: 'spec', message: acceptance.message }]
  const violations = checkPolicies(client, policies).map(({ field, message }) => ({ path: field, message }))
  const secret = renderSecret({
    client,
    clientId: 'x',
    issuer: 'https://login.example.com',
    plain: undefined,
    marks: undefined,
  })
  return [...violations, ...(secret.kind === 'invalid' ? secret.faults : [])]
}

/** What the API server adds to an object that somebody applies. */
export const withMetadata = (object: OIDCClient): OIDCClient => ({
  ...object,
  metadata: {
    ...object.metadata,
    uid: object.metadata.name,
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
})
