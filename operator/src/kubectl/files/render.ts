// Renders OIDCClients from files without a cluster, by the operator's own code.
import { toJson } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { Fault } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import { Secret } from '@nauthera/runtime/secret'
import { authMethodOf } from '../../api/in-effect.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { keyOf } from '../../decide/client/client-names.ts'
import { refusalText } from '../../decide/access/describe-access.ts'
import type { ApiAccess } from '../../decide/access/resolve-access.ts'
import { configOf, denialsOf } from '../../decide/access/judgement.ts'
import type { Judgement } from '../../decide/access/judgement.ts'
import { policiesFor } from '../../decide/client/policies.ts'
import { listsSecrets } from '../../decide/secret/listed-secrets.ts'
import { renderSecret } from '../../decide/secret/secret.ts'
import type { RenderedSecret } from '../../decide/secret/secret.ts'
import { judgeTogether } from './judge-together.ts'
import { collectFaults, ourObjects } from './our-objects.ts'
import type { LocatedFault, ReadObject } from './read-documents.ts'

/** The result for one OIDCClient. */
export interface RenderedClient {
  /** `namespace/name`. */
  readonly client: string
  /** A Secret with its values as text, in `stringData`; absent for a client that lists its secrets. */
  readonly secret?: Readonly<Record<string, unknown>>
  /** The client in the words of RFC 7591. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Its access to each audience, by identifier, among the OIDCClients in these files; absent without audiences. */
  readonly access?: Readonly<Record<string, string>>
  /** That URIs are missing which only a cluster has. */
  readonly redirectURIsFrom?: string
}

export interface RenderInput {
  readonly objects: readonly ReadObject[]
  readonly issuer: string
  /** The namespace of objects without one. */
  readonly namespace: string
}

const unresolved = 'not resolved here: Ingresses and HTTPRoutes are in the cluster, so their redirect URIs are missing'

/** In place of a secret that the operator has yet to mint, or to read. */
function standInOf({ secret }: OIDCClient['spec']): string {
  const own = secret?.existingSecretRef
  return own ? `(${own.key} of Secret ${own.name})` : '(minted when the client is applied)'
}

/** @returns the results for the OIDCClients under the OIDCPolicies among the objects, and every fault. A policy that selects namespaces by
 *  label applies: files do not have those labels. */
export function renderClients(input: RenderInput): {
  readonly rendered: readonly RenderedClient[]
  readonly faults: readonly LocatedFault[]
} {
  const { faults, locate } = collectFaults()
  const { clients, policies } = ourObjects(input.objects, locate)
  const stored = clients.map(({ object }, index) => asStored(object, input.namespace, index))
  // an invalid policy would lead to misleading faults of clients
  const holding = faults.length === 0 ? policies.map(({ object }) => object) : []
  // files do not show the number of clients in the namespace, nor since when a policy is broken
  const judged = judgeTogether(stored, {
    policiesOf: (client) => policiesFor(client, { baseline: {}, policies: holding, namespaceLabels: 'any' }),
    isServed: () => false,
    // labels of namespaces are not known here: an entry that asks for them counts as one that does not fit
    labelsOf: () => undefined,
    now: 0,
  })
  const rendered = judged.flatMap(({ judgement, access }, index) => {
    const result = renderOne(judgement, access, input.issuer)
    locate(clients[index]!, result.faults)
    return result.rendered ? [result.rendered] : []
  })
  return { rendered, faults }
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
  judgement: Judgement,
  access: readonly ApiAccess[],
  issuer: string,
): { readonly rendered?: RenderedClient; readonly faults: readonly Fault[] } {
  const { acceptance, client } = judgement
  if (acceptance.kind === 'invalid') return { faults: acceptance.faults }
  if (acceptance.kind === 'too-large') return { faults: [{ path: 'spec', message: acceptance.message }] }
  if (acceptance.kind === 'conflict')
    return { faults: [{ path: acceptance.field, message: `is taken by ${acceptance.holder}; choose another` }] }
  const { wanted: clientId } = acceptance
  const plain = showsSecret(authMethodOf(client.spec)) ? new Secret(standInOf(client.spec)) : undefined
  const result = renderSecret({ client, clientId, issuer, plain, marks: undefined })
  const denials = denialsOf(judgement).map(({ field, message, policy }) => ({
    path: field,
    message: `${message} (policy ${policy})`,
  }))
  const faults = [...denials, ...(result.kind === 'invalid' ? result.faults : [])]
  const config = configOf(judgement)
  if (result.kind === 'invalid' || config === undefined) return { faults }
  return {
    faults,
    rendered: {
      client: keyOf(client),
      ...(listsSecrets(client) ? {} : { secret: secretManifest(result.secret, client) }),
      metadata: { client_id: clientId, ...providerMetadata(config, client) },
      ...(access.length === 0
        ? {}
        : { access: Object.fromEntries(access.map((one) => [one.identifier, renderedAccess(one)])) }),
      ...(client.spec.redirectURIsFrom ? { redirectURIsFrom: unresolved } : {}),
    },
  }
}

function renderedAccess(access: ApiAccess): string {
  if (access.kind === 'granted') {
    const given = [...access.scopes, ...access.types]
    return given.length > 0 ? `granted: ${given.join(', ')}` : 'granted, without a scope'
  }
  if (access.why.kind === 'undeclared') return 'not in these files, and no policy in them lists it'
  return `not granted: ${refusalText(access)}`
}

/** The Secret without what only the operator can write: its marks, and who owns it. */
function secretManifest({ name, namespace, labels, data }: RenderedSecret, { spec }: OIDCClient) {
  const annotations = spec.secret?.annotations
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels, ...(annotations ? { annotations } : {}) },
    type: 'Opaque',
    stringData: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value.reveal()])),
  }
}

/** The fields of a ClientConfig have the names of RFC 7591, but for the scopes, which it writes as one text. */
function providerMetadata(config: ClientConfig, { spec }: OIDCClient): Record<string, unknown> {
  const json = fieldsOf(toJson(ClientConfigSchema, config, { useProtoFieldName: true }))
  const { generation: _ofKubernetes, scopes, consent: _inOtherWords, ...rest } = json
  return {
    ...rest,
    ...(Array.isArray(scopes) ? { scope: scopes.join(' ') } : {}),
    ...(spec.type === 'M2M' ? {} : { consent: spec.consent ?? 'Remember' }),
  }
}
