// Judges a client as its hub does: the hub has the policies, and here only its answer is read.
import { maxNameLength } from '@nauthera/rules/limits'
import { defaultClientId, namespaceOfCluster } from '@nauthera/rules/tenants'
import type { Fault } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import { findPresentCondition } from '../api/conditions.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicySpec } from '../api/oidc-policy.ts'
import { refuseClient } from '../decide/access/judge.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import { unreadFault } from '../decide/client/acceptance.ts'
import type { Acceptance } from '../decide/client/acceptance.ts'
import { applyDefaults } from '../decide/client/apply-defaults.ts'
import { checkSpec } from '../decide/client/check-spec.ts'
import { sizeFaultOf } from '../decide/client/client-size.ts'
import { renderConfig } from '../decide/client/metadata.ts'
import { bindingOf } from '../decide/client/policies.ts'
import type { BindingPolicies } from '../decide/client/policies.ts'
import { present } from '../decide/client/present.ts'
import { renderVersion } from '@nauthera/proto/client-version'
import { mirrorNameOf } from './mirror.ts'
import type { Mirror } from './mirror.ts'
import type { MirrorRefusal } from './mirror-calls.ts'

/** @param about.binding what the settings of this cluster allow, since it reads no policies
 *  @param about.mirror as stored; undefined before the first write
 *  @param about.isCurrent the mirror says what the client wants now
 *  @param about.refusal why the hub took no mirror of it */
export function judgeByHub(
  client: OIDCClient,
  about: {
    readonly cluster: string
    readonly binding: BindingPolicies
    readonly mirror: Mirror | undefined
    readonly isCurrent: boolean
    readonly refusal: MirrorRefusal | undefined
  },
): Judgement {
  const { mirror, binding } = about
  const acceptance = acceptanceOf(client, about)
  const refused = { ...refuseClient(client, ''), acceptance, binding, served: mirror?.status?.clientId }
  // the defaults are for a valid spec alone
  if (acceptance.kind !== 'accepted') return refused
  const effective = applyDefaults(client, bindingOf([{ name: 'hub', spec: limitsOfHub(mirror) }]))
  const judgement: Judgement = { ...refused, ...effective, policies: mirror?.status?.policies ?? [] }
  if (isRefused(about)) return judgement
  const config = renderConfig(effective.client)
  return { ...judgement, served: acceptance.wanted, serve: { kind: 'desired', config, version: renderVersion(config) } }
}

/** What the hub's policies say of rotations, as one policy. */
function limitsOfHub(mirror: Mirror | undefined): OIDCPolicySpec {
  const { maxOverlap, minSpacing, interval, overlap, window } = mirror?.status?.rotationLimits ?? {}
  return {
    rotation: { ...present({ maxOverlap, minSpacing }) },
    defaults: {
      rotation: { ...present({ interval, overlap, window }) },
    },
  }
}

/** @returns the client id in the hub, unless the client names one */
function clientIdInHub({ spec, metadata }: OIDCClient, cluster: string): string {
  const { clientId } = fieldsOf(spec)
  return typeof clientId === 'string'
    ? clientId
    : defaultClientId({ namespace: namespaceOfCluster(cluster), name: mirrorNameOf(metadata) })
}

function acceptanceOf(
  client: OIDCClient,
  { cluster, refusal }: { cluster: string; refusal: MirrorRefusal | undefined },
): Acceptance {
  const wanted = clientIdInHub(client, cluster)
  const own = checkForHub(client)
  const faults = refusal ? [...own, { path: 'spec', message: refusal.message }] : own
  return faults.length > 0 ? { kind: 'invalid', wanted, faults } : { kind: 'accepted', wanted }
}

/** @param client may have any shape
 *  @returns why its present version cannot be in a mirror */
export function checkForHub(client: OIDCClient): readonly Fault[] {
  // of a giant only parts are known: these would look like another client
  const large = sizeFaultOf(client)
  if (large) return [{ path: large.field, message: large.message }]
  try {
    return findFaults(client)
  } catch (error) {
    return [unreadFault(describeError(error))]
  }
}

function findFaults(client: OIDCClient): readonly Fault[] {
  const faults: Fault[] = [...checkSpec(client)]
  const name = mirrorNameOf(client.metadata)
  if (name.length > maxNameLength)
    faults.push({
      path: 'metadata.name',
      message: `makes the name ${name} in the hub, which has more than ${maxNameLength} characters; choose a shorter name`,
    })
  if (client.spec.secret?.existingSecretRef)
    faults.push({
      path: 'spec.secret.existingSecretRef',
      message: 'is not for a cluster that has joined another: only minted secrets go there as a digest; leave it out',
    })
  if (client.spec.origin) faults.push({ path: 'spec.origin', message: 'is for mirrors in the hub; leave it out' })
  return faults
}

/** Whether the hub serves no such version: by its rules or its policies. */
function isRefused({ mirror, isCurrent }: { mirror: Mirror | undefined; isCurrent: boolean }): boolean {
  if (!mirror || !isCurrent) return false
  return ['Accepted', 'PolicyCompliant'].some((type) => findPresentCondition(mirror, type)?.status === 'False')
}
