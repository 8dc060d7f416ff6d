// Renders OIDCClients from files without a cluster, by the operator's own code.
import { toJson } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { apiGroup, apiVersion } from '@nauthera/proto/names'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { Fault } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/log'
import { authMethodOf } from '../../api/client-rules.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { OIDCPolicy } from '../../api/oidc-policy.ts'
import { acceptClients, keyOf } from '../../decide/client/acceptance.ts'
import type { DeclaredApi } from '../../decide/access/declared-api.ts'
import { refusalText } from '../../decide/access/describe-access.ts'
import { callerOf, resolveAccess } from '../../decide/access/resolve-access.ts'
import type { ApiAccess } from '../../decide/access/resolve-access.ts'
import { checkPolicySpec } from '../../decide/client/check-spec.ts'
import { configOf, denialsOf, judgeClient } from '../../decide/access/judge.ts'
import type { Judgement } from '../../decide/access/judge.ts'
import { policiesFor } from '../../decide/client/policies.ts'
import type { Policies } from '../../decide/client/policies.ts'
import { renderSecret } from '../../decide/secret/secret.ts'
import type { RenderedSecret } from '../../decide/secret/secret.ts'
import { shapeFaults } from './object-shape.ts'
import type { LocatedFault, ReadObject } from './read-documents.ts'

/** The result for one OIDCClient. */
export interface RenderedClient {
  /** `namespace/name`. */
  readonly client: string
  /** A Secret with its values as text, in `stringData`. */
  readonly secret: Readonly<Record<string, unknown>>
  /** The client in the words of RFC 7591. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Its access to each audience, by identifier, among the OIDCClients in these files; absent without audiences. */
  readonly access?: Readonly<Record<string, string>>
}

export interface RenderInput {
  readonly objects: readonly ReadObject[]
  readonly issuer: string
  /** The namespace of objects without one. */
  readonly namespace: string
}

/** In place of a secret that the operator has yet to mint. */
const unknownSecret = '(minted when the client is applied)'

/** @returns the results for the OIDCClients under the OIDCPolicies among the objects, and every fault. A policy that selects namespaces by
 *  label applies: files do not have those labels. */
export function renderClients(input: RenderInput): {
  readonly rendered: readonly RenderedClient[]
  readonly faults: readonly LocatedFault[]
} {
  const faults: LocatedFault[] = []
  const locate = ({ file, lineOf }: ReadObject, found: readonly Fault[]): void => {
    for (const { path, message } of found) faults.push({ file, line: lineOf(path), path, message })
  }
  const mine = input.objects.filter((read) => isOurs(read, locate))
  const policies = mine
    .filter(({ object }) => object['kind'] === 'OIDCPolicy')
    .flatMap((read) => (hasShape<OIDCPolicy>(read, locate) ? [read] : []))
  for (const read of policies) locate(read, checkPolicySpec(read.object['spec'] ?? {}, 'spec'))
  const clients = mine
    .filter(({ object }) => object['kind'] === 'OIDCClient')
    .flatMap((read) => (hasShape<OIDCClient>(read, locate) ? [read] : []))
    .map((read, index) => ({ read, client: asStored(read.object, input.namespace, index) }))
  // an invalid policy would lead to misleading faults of clients
  const policiesOf = (client: OIDCClient): Policies =>
    policiesFor(client, {
      baseline: {},
      policies: faults.length === 0 ? policies.map(({ object }) => object) : [],
      namespaceLabels: undefined,
    })
  const acceptances = acceptClients(
    clients.map(({ client }) => client),
    policiesOf,
  )
  // files do not show the number of clients in the namespace, nor since when a policy is broken
  const judged = clients.map(({ read, client }) => {
    const acceptance = acceptances.get(keyOf(client))!
    const about = { acceptance, policies: policiesOf(client), countOlder: () => 0, isServed: false, now: 0 }
    return { read, judgement: judgeClient(client, about) }
  })
  const declared = judged.flatMap(({ judgement }) => judgement.declared)
  const rendered = judged.flatMap(({ read, judgement }) => {
    const result = renderOne(judgement, declared, input.issuer)
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

function hasShape<Kind extends OIDCClient | OIDCPolicy>(
  read: ReadObject,
  locate: Locate,
): read is ReadObject & { readonly object: Kind } {
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
  judgement: Judgement,
  declared: readonly DeclaredApi[],
  issuer: string,
): { readonly rendered?: RenderedClient; readonly faults: readonly Fault[] } {
  const { acceptance, client } = judgement
  if (acceptance.kind === 'invalid') return { faults: acceptance.faults }
  if (acceptance.kind === 'too-large') return { faults: [{ path: 'spec', message: acceptance.message }] }
  if (acceptance.kind === 'conflict')
    return { faults: [{ path: acceptance.field, message: `is taken by ${acceptance.holder}; choose another` }] }
  const { clientId } = acceptance
  const plain = showsSecret(authMethodOf(client.spec)) ? new Secret(unknownSecret) : undefined
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
      secret: secretManifest(result.secret, client),
      metadata: { client_id: clientId, ...providerMetadata(config, client) },
      ...accessAmong(declared, judgement),
    },
  }
}

/** Labels of namespaces are not known here: an entry that asks for them counts as one that does not fit. */
function accessAmong(declared: readonly DeclaredApi[], judgement: Judgement): Pick<RenderedClient, 'access'> {
  const caller = callerOf(judgement, undefined, undefined)
  if (!caller || caller.audiences.length === 0) return {}
  const access = resolveAccess(caller, (identifier) => declared.filter((api) => api.identifier === identifier))
  return { access: Object.fromEntries(access.map((one) => [one.identifier, renderedAccess(one)])) }
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
  const json = toJson(ClientConfigSchema, config, { useProtoFieldName: true }) as Record<string, unknown>
  const { generation: _ofKubernetes, scopes, consent: _inOtherWords, ...rest } = json
  return {
    ...rest,
    ...(Array.isArray(scopes) ? { scope: scopes.join(' ') } : {}),
    ...(spec.type === 'M2M' ? {} : { consent: spec.consent ?? 'Remember' }),
  }
}
