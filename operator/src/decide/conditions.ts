// Outcome of a reconcile -> status, columns and events. Nothing else maps a code to a reason.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Fault } from '@nauthera/runtime/coded-error'
import { authMethodOf } from '../api/client-rules.ts'
import { durationText } from '../api/duration.ts'
import type { Condition, OIDCClient, OIDCClientStatus } from '../api/oidc-client.ts'
import type { Acceptance } from './acceptance.ts'
import type { Violation } from './policy.ts'
import type { Propagation } from './propagation.ts'
import { overlapOf } from './rotation-terms.ts'
import type { RotationInput, RotationPlan } from './rotation-terms.ts'

/** All that a reconcile found out about one client. */
export interface Outcome {
  readonly client: OIDCClient
  /** `<namespace>/<release>`. */
  readonly servedBy: string
  readonly issuer: string
  readonly acceptance: Acceptance
  readonly policies: readonly string[]
  readonly violations: readonly Violation[]
  /** Rendered from this generation; undefined when refused. */
  readonly config: ClientConfig | undefined
  readonly secret: SecretOutcome
  /** Where its Secret still lies after spec.secret.name has changed: the status is all that remembers it. */
  readonly formerName: string | undefined
  readonly rotation: RotationPlan | undefined
  /** What planRotation was given, for the effective interval and overlap. */
  readonly rotationSettings: RotationInput['rotation'] | undefined
  /** Of the shard that carries this generation; undefined while that is not written. */
  readonly propagation: Propagation | undefined
  /** The shard has no room for this version. */
  readonly shardFull: boolean
  /** First 8 hex of the manifest's digest. */
  readonly revision: string | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

export type SecretOutcome =
  /** Its Secret is there and current; a client without a secret has one too. */
  | { readonly kind: 'ready'; readonly name: string }
  /** It will be written once the client is live. */
  | { readonly kind: 'pending'; readonly name: string }
  | { readonly kind: 'waiting-for-secret'; readonly name: string; readonly message: string }
  | { readonly kind: 'name-taken'; readonly name: string }
  | { readonly kind: 'template-invalid'; readonly name: string; readonly faults: readonly Fault[] }
  /** The API server did not say whether it is there. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly message: string }

export interface ClientEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason:
    | 'ClientAccepted'
    | 'SecretCreated'
    | 'SecretRotated'
    | 'PreviousSecretRetired'
    | 'InvalidSpec'
    | 'ClientIDConflict'
    | 'ServerRejected'
    | 'PolicyViolation'
  readonly message: string
}

type Finding = Pick<Condition, 'status' | 'reason' | 'message'>

const yes = (reason: string, message: string): Finding => ({ status: 'True', reason, message })
const no = (reason: string, message: string): Finding => ({ status: 'False', reason, message })
const unknown = (reason: string, message: string): Finding => ({ status: 'Unknown', reason, message })

/** @returns the whole status to apply, and the events of what has changed since `client.status`. */
export function describeOutcome(outcome: Outcome): {
  readonly status: OIDCClientStatus
  readonly events: readonly ClientEvent[]
} {
  const findings: Readonly<Record<string, Finding>> = {
    Accepted: accepted(outcome),
    PolicyCompliant: policyCompliant(outcome),
    SecretReady: secretReady(outcome),
    Propagated: propagated(outcome),
    RotationHealthy: rotationHealthy(outcome),
  }
  const all = { ...findings, Ready: ready(findings) }
  const status = describeStatus(outcome, all)
  return { status, events: eventsOf(outcome, status) }
}

function accepted({ acceptance, shardFull }: Outcome): Finding {
  switch (acceptance.kind) {
    case 'accepted':
      return shardFull
        ? no('InvalidSpec', 'spec: does not fit into its shard; shorten it, or delete clients that nobody needs')
        : yes('Accepted', 'the spec follows every rule')
    case 'invalid':
      return no('InvalidSpec', faultText(acceptance.faults))
    case 'conflict':
      return no(
        'ClientIDConflict',
        `${acceptance.field}: is taken by the older ${acceptance.holder}; choose another, or delete that one`,
      )
    case 'namespace-not-allowed':
      return no(
        'NamespaceNotAllowed',
        'metadata.namespace: is not watched by this release; ask for it in operator.watch.namespaces',
      )
  }
}

function policyCompliant({ violations }: Outcome): Finding {
  const said = violations.filter(({ enforcement }) => enforcement !== 'Audit')
  if (said.length === 0) return yes('Compliant', 'every policy is met')
  const message = said.map(({ policy, field, message }) => `${field}: ${message} (policy ${policy})`).join('; ')
  return said.some(({ enforcement }) => enforcement === 'Deny')
    ? no('PolicyViolation', cut(message))
    : yes('Warning', cut(message))
}

function secretReady({ secret, rotation, config }: Outcome): Finding {
  const { name } = secret
  if (rotation?.step.kind === 'blocked' && rotation.step.why === 'overlap-without-secret') {
    return no(
      'WaitingForSecret',
      `Secret ${name} was deleted or edited while its previous secret is still valid; it is restored when that one ends, or at once when spec.rotation.revokePrevious changes`,
    )
  }
  switch (secret.kind) {
    case 'ready':
      return yes('SecretReady', `Secret ${name} is current`)
    case 'pending':
      return config === undefined
        ? no('WaitingForReplicas', `Secret ${name} is written once a version is accepted and every replica has it`)
        : no('WaitingForReplicas', `Secret ${name} is written once every replica has the client`)
    case 'waiting-for-secret':
      return no('WaitingForSecret', secret.message)
    case 'name-taken':
      return no(
        'NameTaken',
        `Secret ${name} belongs to somebody else and is left alone; choose another spec.secret.name, or delete that Secret`,
      )
    case 'template-invalid':
      return no('TemplateInvalid', faultText(secret.faults))
    case 'unreadable':
      return unknown('SecretUnreadable', secret.message)
  }
}

function propagated({ propagation, config, acceptance, violations, secret }: Outcome): Finding {
  if (acceptance.kind !== 'accepted' || violations.some(({ enforcement }) => enforcement === 'Deny') || !config) {
    return no('NotRendered', 'this version is refused; see Accepted and PolicyCompliant')
  }
  if (!propagation) return no('ReplicasLagging', 'not written to its shard yet')
  const { loaded, total, rejected, unreachable, lagging } = propagation
  if (rejected.length > 0) {
    const [first] = rejected
    // Servers refuse a client without a verifier; the cause is the name.
    if (secret.kind === 'name-taken' || secret.kind === 'unreadable')
      return no('NotRendered', 'it has no secret to be served with; see SecretReady')
    return no('RejectedByServer', cut(`${first!.field}: ${first!.message} (${first!.code})`))
  }
  if (unreachable.length > 0) {
    return unknown('StatusUnreachable', cut(`no answer from ${unreachable.join(', ')}; silence never counts as live`))
  }
  if (total === 0) return no('ReplicasLagging', 'no replica of the server is there')
  if (loaded < total) return no('ReplicasLagging', cut(`${loaded}/${total}; behind: ${lagging.join(', ')}`))
  return yes('Propagated', `live on ${loaded}/${total} replicas`)
}

function rotationHealthy({ rotation }: Outcome): Finding {
  if (!rotation || rotation.health.ok) return yes('Healthy', 'no rotation is late')
  return no(rotation.health.reason, rotation.health.message)
}

const needed = ['Accepted', 'PolicyCompliant', 'SecretReady', 'Propagated'] as const

/** Ready is the first of the needed conditions that does not hold, in the order in which things happen. */
function ready(findings: Readonly<Record<string, Finding>>): Finding {
  // a client waits for its Secret because it waits for replicas: name the cause
  const order =
    findings['SecretReady']?.reason === 'WaitingForReplicas'
      ? ['Accepted', 'PolicyCompliant', 'Propagated', 'SecretReady']
      : needed
  for (const type of order) {
    const finding = findings[type]!
    if (finding.status !== 'True') return { ...finding, message: `${type}: ${finding.message}` }
  }
  return yes('Ready', 'live on every replica, and its Secret is there')
}

function describeStatus(outcome: Outcome, findings: Readonly<Record<string, Finding>>): OIDCClientStatus {
  const { client, propagation, rotation, secret, config } = outcome
  const report = rotation?.report
  const before = client.status?.secret
  const createdAt = before?.createdAt ?? (report?.lastRotated === undefined ? undefined : timeText(report.lastRotated))
  const replicas = propagation ? { loaded: propagation.loaded, total: propagation.total } : client.status?.replicas
  return {
    observedGeneration: client.metadata.generation,
    servedBy: outcome.servedBy,
    clientId: outcome.acceptance.clientId,
    issuer: outcome.issuer,
    ...present('revision', outcome.revision),
    ...(replicas
      ? {
          replicas: { loaded: replicas.loaded, total: replicas.total, summary: `${replicas.loaded}/${replicas.total}` },
        }
      : {}),
    policies: outcome.policies,
    policySummary: cut(outcome.policies.join(', ')),
    ...present('effective', config ? effectiveOf(outcome, config) : client.status?.effective),
    secret: {
      name: outcome.formerName ?? secret.name,
      ...present('activeId', report?.activeId ?? before?.activeId),
      ...present('observedTrigger', report ? report.observed.trigger : before?.observedTrigger),
      ...present('observedAnnotation', report ? report.observed.annotation : before?.observedAnnotation),
      ...present('observedRevoke', report ? report.observed.revoke : before?.observedRevoke),
      ...present('createdAt', createdAt),
      ...present('lastRotated', report?.lastRotated === undefined ? before?.lastRotated : timeText(report.lastRotated)),
      ...present('nextRotation', report?.nextRotation === undefined ? undefined : timeText(report.nextRotation)),
      ...(report && report.previous.length > 0
        ? {
            previous: report.previous.map(({ id, expiresAt, lastUsed }) => ({
              id,
              ...present('expiresAt', expiresAt === undefined ? undefined : timeText(expiresAt)),
              ...present('lastUsed', lastUsed === undefined ? undefined : timeText(lastUsed)),
            })),
          }
        : {}),
    },
    conditions: Object.entries(findings).map(([type, finding]) => conditionOf(outcome, type, finding)),
  }
}

function effectiveOf(
  { client, rotationSettings }: Outcome,
  config: ClientConfig,
): NonNullable<OIDCClientStatus['effective']> {
  const ttl = (seconds: number): string | undefined => (seconds === 0 ? undefined : durationText(seconds * 1000))
  return {
    grantTypes: config.grantTypes,
    authMethod: authMethodOf(client.spec),
    scopes: config.scopes,
    tokens: {
      ...present('accessTTL', ttl(config.accessTokenTtl)),
      ...present('idTTL', ttl(config.idTokenTtl)),
      ...present('refreshTTL', ttl(config.refreshTokenTtl)),
      ...present('format', config.accessTokenFormat || undefined),
    },
    ...(rotationSettings
      ? {
          rotation: {
            ...present(
              'interval',
              rotationSettings.intervalMs === undefined ? undefined : durationText(rotationSettings.intervalMs),
            ),
            overlap: durationText(overlapOf({ rotation: rotationSettings })),
          },
        }
      : {}),
  }
}

/** lastTransitionTime moves only with the status, as metav1 says. */
function conditionOf({ client, now }: Outcome, type: string, finding: Finding): Condition {
  const before = client.status?.conditions?.find((condition) => condition.type === type)
  return {
    type,
    ...finding,
    lastTransitionTime: before?.status === finding.status ? before.lastTransitionTime : timeText(now),
    observedGeneration: client.metadata.generation,
  }
}

function eventsOf({ client, violations }: Outcome, status: OIDCClientStatus): readonly ClientEvent[] {
  const events: ClientEvent[] = []
  const before = client.status
  const turned = (type: string): Condition | undefined => {
    const [was, is] = [before, status].map((one) => one?.conditions?.find((condition) => condition.type === type))
    // the same refusal for another reason is news too; the same words are not
    return is &&
      (is.status !== was?.status || (is.status === 'False' && (is.reason !== was.reason || is.message !== was.message)))
      ? is
      : undefined
  }
  if (stands(status) && !stands(before))
    events.push({ type: 'Normal', reason: 'ClientAccepted', message: `client id ${status.clientId}` })
  const acceptance = turned('Accepted')
  if (acceptance?.status === 'False') {
    const reason = acceptance.reason === 'ClientIDConflict' ? 'ClientIDConflict' : 'InvalidSpec'
    events.push({ type: 'Warning', reason, message: acceptance.message })
  }
  const policy = turned('PolicyCompliant')
  if (policy?.status === 'False' || (policy?.reason === 'Warning' && violations.length > 0)) {
    events.push({ type: 'Warning', reason: 'PolicyViolation', message: policy.message })
  }
  const propagation = turned('Propagated')
  if (propagation?.reason === 'RejectedByServer')
    events.push({ type: 'Warning', reason: 'ServerRejected', message: propagation.message })
  events.push(...secretEvents(before?.secret, status.secret))
  return events
}

/** The spec and policy both let it in. */
function stands(status: OIDCClientStatus | undefined): boolean {
  const holds = (wanted: string) => status?.conditions?.find(({ type }) => type === wanted)?.status === 'True'
  return holds('Accepted') && holds('PolicyCompliant')
}

function secretEvents(before: OIDCClientStatus['secret'], after: OIDCClientStatus['secret']): readonly ClientEvent[] {
  const events: ClientEvent[] = []
  if (after?.activeId !== undefined && after.activeId !== before?.activeId) {
    events.push(
      before?.activeId === undefined
        ? { type: 'Normal', reason: 'SecretCreated', message: `Secret ${after.name} holds secret ${after.activeId}` }
        : {
            type: 'Normal',
            reason: 'SecretRotated',
            message: `Secret ${after.name}: ${before.activeId} -> ${after.activeId}`,
          },
    )
  }
  const left = new Set(after?.previous?.map(({ id }) => id))
  for (const { id } of before?.previous ?? []) {
    if (!left.has(id) && id !== after?.activeId) {
      events.push({ type: 'Normal', reason: 'PreviousSecretRetired', message: `secret ${id} is refused from now on` })
    }
  }
  return events
}

const faultText = (faults: readonly Fault[]): string =>
  cut(faults.map(({ path, message }) => `${path}: ${message}`).join('; '))

/** The condition's message has 4,096 characters in the CRD, an event 1,024. */
const cut = (message: string): string => (message.length <= 1000 ? message : `${message.slice(0, 997)}...`)

/** RFC 3339 without fractions, as Kubernetes writes times. */
const timeText = (time: number): string => new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z')

function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}
