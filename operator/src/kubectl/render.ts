// What OIDCClients would give, without a cluster: the same decisions as the operator's, on files.
import { toJson } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { apiGroup, apiVersion } from '@nauthera/proto/names'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { Fault } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/log'
import { authMethodOf } from '../api/client-rules.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicy } from '../api/oidc-policy.ts'
import { clientIdOf, judgeClients, keyOf } from '../decide/acceptance.ts'
import { checkPolicySpec } from '../decide/check-spec.ts'
import { renderConfig } from '../decide/metadata.ts'
import { applyDefaults, checkPolicies, policiesFor } from '../decide/policy.ts'
import type { Policies } from '../decide/policy.ts'
import { renderSecret } from '../decide/secret.ts'
import { shapeFaults } from './object-shape.ts'
import type { LocatedFault, ReadObject } from './read-documents.ts'

/** What one OIDCClient gives. */
export interface RenderedClient {
  /** `namespace/name`. */
  readonly client: string
  /** Values as text, as `stringData` of a Secret. */
  readonly secret: Readonly<Record<string, unknown>>
  /** The client as RFC 7591 words it. */
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface RenderInput {
  readonly objects: readonly ReadObject[]
  readonly issuer: string
  /** For objects that name none. */
  readonly namespace: string
}

/** Stands where the operator puts a secret that nobody knows yet. */
const unknownSecret = '(minted when the client is applied)'

/** @returns what the OIDCClients among the objects give under the OIDCPolicies among them, and every fault.
 *  Policies that select by labels of namespaces are taken to hold: a file does not know those labels. */
export function renderClients(input: RenderInput): {
  readonly rendered: readonly RenderedClient[]
  readonly faults: readonly LocatedFault[]
} {
  const faults: LocatedFault[] = []
  const locate = ({ file, lineOf }: ReadObject, found: readonly Fault[]): void => {
    for (const { path, message } of found) faults.push({ file, line: lineOf(path), path, message })
  }
  const mine = input.objects.filter((read) => isOurs(read, locate))
  const policies = mine.filter(({ object }) => object['kind'] === 'OIDCPolicy').filter((read) => hasShape(read, locate))
  for (const read of policies) locate(read, checkPolicySpec(read.object['spec'] ?? {}, 'spec'))
  const clients = mine
    .filter(({ object }) => object['kind'] === 'OIDCClient')
    .filter((read) => hasShape(read, locate))
    .map((read, index) => ({ read, client: asStored(read.object as unknown as OIDCClient, input.namespace, index) }))
  // a policy that is itself at fault would only confuse the clients' faults
  const policiesOf = (client: OIDCClient): Policies =>
    policiesFor(client, {
      baseline: {},
      policies: faults.length === 0 ? policies.map(({ object }) => object as unknown as OIDCPolicy) : [],
      namespaceLabels: undefined,
    })
  const verdicts = judgeClients(
    clients.map(({ client }) => client),
    policiesOf,
  )
  const rendered = clients.flatMap(({ read, client }) => {
    const result = renderOne(client, policiesOf(client), verdicts, input.issuer)
    locate(read, result.faults)
    return result.rendered ? [result.rendered] : []
  })
  return { rendered, faults }
}

type Locate = (read: ReadObject, faults: readonly Fault[]) => void

function isOurs(read: ReadObject, locate: Locate): boolean {
  const { apiVersion: version, kind } = read.object
  if (kind !== 'OIDCClient' && kind !== 'OIDCPolicy') return false
  if (version === `${apiGroup}/${apiVersion}`) return true
  locate(read, [{ path: 'apiVersion', message: `must be ${apiGroup}/${apiVersion}` }])
  return false
}

function hasShape(read: ReadObject, locate: Locate): boolean {
  const faults = shapeFaults(read.object)
  locate(read, faults)
  return faults.length === 0
}

/** As the API server would store it; of two files the earlier one is the older object. */
function asStored({ status: _dropped, ...object }: OIDCClient, namespace: string, index: number): OIDCClient {
  return {
    ...object,
    metadata: {
      ...object.metadata,
      namespace: object.metadata.namespace ?? namespace,
      uid: `(set by Kubernetes) ${index}`,
      generation: 1,
      creationTimestamp: new Date(index * 1000).toISOString(),
    },
  }
}

function renderOne(
  client: OIDCClient,
  policies: Policies,
  verdicts: ReturnType<typeof judgeClients>,
  issuer: string,
): { readonly rendered?: RenderedClient; readonly faults: readonly Fault[] } {
  const verdict = verdicts.get(keyOf(client))
  if (verdict?.kind === 'invalid') return { faults: verdict.faults }
  if (verdict?.kind === 'conflict')
    return { faults: [{ path: verdict.field, message: `is taken by ${verdict.holder}; choose another` }] }
  const complete = applyDefaults(client, policies).client
  const denials = checkPolicies(complete, policies, 0)
    .filter(({ enforcement }) => enforcement === 'Deny')
    .map(({ field, message, policy }) => ({ path: field, message: `${message} (policy ${policy})` }))
  const hasSecret = showsSecret(authMethodOf(complete.spec))
  const result = renderSecret({
    client: complete,
    clientId: clientIdOf(client),
    issuer,
    plain: hasSecret ? new Secret(unknownSecret) : undefined,
    marks: undefined,
  })
  const faults = [...denials, ...(result.kind === 'invalid' ? result.faults : [])]
  if (result.kind === 'invalid' || faults.length > 0) return { faults }
  const { name, namespace, labels, data } = result.secret
  const annotations = complete.spec.secret?.annotations
  return {
    faults: [],
    rendered: {
      client: keyOf(client),
      secret: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace, labels, ...(annotations ? { annotations } : {}) },
        type: 'Opaque',
        stringData: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value.reveal()])),
      },
      metadata: { client_id: clientIdOf(client), ...providerMetadata(complete) },
    },
  }
}

/** The shard's words are those of RFC 7591 but for the scopes, which it writes as one text. */
function providerMetadata(client: OIDCClient): Record<string, unknown> {
  const json = toJson(ClientConfigSchema, renderConfig(client), { useProtoFieldName: true }) as Record<string, unknown>
  const { generation: _ofKubernetes, scopes, consent: _inOtherWords, ...rest } = json
  return {
    ...rest,
    ...(Array.isArray(scopes) ? { scope: scopes.join(' ') } : {}),
    ...(client.spec.type === 'M2M' ? {} : { consent: client.spec.consent ?? 'Remember' }),
  }
}
