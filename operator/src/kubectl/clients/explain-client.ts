// What is wrong with a client, by its status, its Secret and the refusals of its requests.
import { isRefusalCode, refusalKinds } from '@nauthera/rules/refusals'
import { authMethodOf, corsOriginsOf, scopesOf } from '../../api/in-effect.ts'
import type { Condition, OIDCClientStatus } from '../../api/client-status.ts'
import { findCondition } from '../../api/conditions.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { secretIdOf } from '../../decide/secret/secret-id.ts'
import type { ClusterAnswer } from '../cluster.ts'
import { agoText } from '../terminal.ts'
import { factsOf } from './client-facts.ts'

/** What the application's Secret holds, as far as the caller may read it. */
type SecretSeen = ClusterAnswer<Readonly<Record<string, string>>>

interface WhyFinding {
  /** `broken`: nobody, or not everybody, can use the client. `refused`: requests of programs are refused. `hint`: it works. */
  readonly severity: 'broken' | 'refused' | 'hint'
  readonly what: string
  /** What was seen, a line each. */
  readonly details?: readonly string[]
  readonly cure: string
}

export interface Explanation {
  /** `namespace/name`. */
  readonly client: string
  readonly findings: readonly WhyFinding[]
  /** What is well, by subject. */
  readonly facts: Readonly<Record<string, string>>
  /** What it could tell with more rights. */
  readonly notRead: readonly string[]
}

/** In the order in which a client comes to life. */
const order = [
  'Accepted',
  'PolicyCompliant',
  'AudiencesGranted',
  'SecretReady',
  'Propagated',
  'RotationHealthy',
  'Active',
]
/** A client works without these. */
const hints = ['RedirectsFollowed', 'SectorListed', 'CodeProtected', 'ScopesListed', 'SecretShownOnce']

/** What to do where the message of a condition does not say it. */
const cures: Readonly<Record<string, string>> = {
  ReplicasLagging:
    'wait a moment; then look at the server pods that the message names, and at the logs of their agents',
  StatusUnreachable:
    'look at the server pod that does not answer, and at NetworkPolicies between the operator and port 9443',
  WaitingForReplicas: 'wait: the Secret is written once every replica has the client',
  Suspended: 'set spec.suspended to false to go on',
  RejectedByServer: 'correct the field that the message names; until then the previous version is served',
  InvalidSpec: 'correct the field that the message names; until then the previous version is served',
  ClientIDConflict: 'choose another one, or delete the other client',
  PolicyViolation: 'correct the field that the message names, or ask who owns the policy',
  NotGranted: 'ask the owner of the API for access, or take the audience out',
  SecretEnded: 'make another secret with kubectl nauthera secret new, and list it in spec.secret.verifiers',
  NameTaken: 'do what the message says; after a restore see docs/runbooks/restore.md',
  HostsLeftOut: 'do for each host what the message says, or take it out',
  NoRedirectURI: 'do for a host what the message says, or list redirectURIs',
  NotFollowed: 'ask who runs the operator, or list redirectURIs',
}

/** What goes away with the fault that stands before it. */
const consequences: ReadonlySet<string> = new Set(['NotRendered', 'NotServed', 'WaitingForReplicas'])

export function explainClient(
  client: OIDCClient,
  seen: { readonly secret: SecretSeen | undefined; readonly now: number },
): Explanation {
  const { status } = client
  const name = `${client.metadata.namespace}/${client.metadata.name}`
  if (status?.conditions === undefined) return { client: name, findings: [unseen(client)], facts: {}, notRead: [] }
  const waitedFor = waitedForIn(status.conditions)
  const findings = [
    ...behind(client, status),
    ...faultsOf(status.conditions, [...order, ...waitedFor], 'broken'),
    ...secretFindings(client, status, seen.secret),
    ...refusalFindings(status, client, seen.now),
    ...faultsOf(
      status.conditions,
      hints.filter((type) => !waitedFor.includes(type)),
      'hint',
    ),
  ]
  return { client: name, findings, facts: factsOf(client, status, seen.now), notRead: notReadOf(seen.secret) }
}

/** Ready may wait for a hint: a client without any redirect URI signs nobody in. */
function waitedForIn(conditions: readonly Condition[]): readonly string[] {
  const ready = findCondition({ conditions }, 'Ready')
  const isWaitedFor = ({ status, reason }: Condition): boolean => status === 'False' && reason === ready?.reason
  return conditions.filter((one) => hints.includes(one.type) && isWaitedFor(one)).map(({ type }) => type)
}

const unseen = ({ spec }: OIDCClient): WhyFinding => ({
  severity: 'broken',
  what: 'no operator has looked at it',
  cure: `see whether an operator runs that watches this namespace and serves spec.serverName ${spec.serverName ?? 'default'} (kubectl get pods -A -l app.kubernetes.io/component=operator)`,
})

function behind({ metadata }: OIDCClient, { observedGeneration = 0 }: OIDCClientStatus): readonly WhyFinding[] {
  if (observedGeneration >= metadata.generation) return []
  const what = `the operator has not looked at generation ${metadata.generation} yet: all below is about generation ${observedGeneration}`
  return [{ severity: 'broken', what, cure: 'wait a moment; then look at the log of the operator' }]
}

function faultsOf(
  conditions: readonly Condition[],
  types: readonly string[],
  severity: WhyFinding['severity'],
): readonly WhyFinding[] {
  const faulty = types
    .map((type) => findCondition({ conditions }, type))
    .filter((one): one is Condition => one !== undefined && one.status !== 'True')
  return faulty.flatMap(({ type, ...found }, index) => {
    if (index > 0 && consequences.has(found.reason)) return []
    const cure = cures[found.reason] ?? `read the message; docs/conditions.md explains ${found.reason}`
    return [{ severity, what: `${type} is ${found.status} (${found.reason}): ${found.message}`, cure }]
  })
}

/** Compares the Secret that lies there with the one that the operator wrote. */
function secretFindings(
  client: OIDCClient,
  { secret }: OIDCClientStatus,
  seen: SecretSeen | undefined,
): readonly WhyFinding[] {
  if (seen === undefined || secret?.activeId === undefined) return []
  if (seen.kind === 'absent') {
    const cure = 'the operator writes it again within a minute; find out who deletes it'
    return [{ severity: 'broken', what: `the Secret ${secret.name} is not there`, cure }]
  }
  if (seen.kind !== 'found') return []
  const ids = Object.values(seen.value).map(secretIdOf)
  if (ids.includes(secret.activeId)) return []
  // a template may have the secret within a longer text
  if (client.spec.secret?.data !== undefined) return []
  const old = secret.previous?.find(({ id }) => ids.includes(id))
  const what =
    old === undefined
      ? `the Secret ${secret.name} does not hold the secret ${secret.activeId} that the operator wrote`
      : `the Secret ${secret.name} holds the previous secret, ${old.id}, not ${secret.activeId}`
  return [{ severity: 'broken', what, cure: 'the operator writes it again within a minute; find out who edits it' }]
}

/** @returns what is known of who sent such a request */
function senderText(code: string, by: 'Client' | 'Anyone'): string {
  if (by === 'Client') return 'its credential was correct'
  if (code === 'SECRET_ENDED') return 'the sender had the old secret'
  if (code === 'PERSON_NOT_ALLOWED') return 'the person had signed in'
  return 'not authenticated: anybody who knows the client id can have sent it'
}

function refusalFindings(status: OIDCClientStatus, { spec }: OIDCClient, now: number): readonly WhyFinding[] {
  return (status?.refusals ?? []).map(({ code, by, count, lastSeen, details = [], hint }) => {
    const meaning = isRefusalCode(code)
      ? refusalKinds[code].meaning
      : 'This version of the plugin does not know the code.'
    const often = count === 1 ? 'once in the last hour,' : `${count} times in the last hour, the last one`
    const listed = listedFor(code, spec, status)
    return {
      severity: 'refused',
      what: `${code}: ${meaning}`,
      details: [
        ...details.map((detail, index) => `${index === 0 ? 'the request has ' : 'another one has '} ${detail}`),
        ...(listed === undefined ? [] : [`the object has   ${listed}`]),
        `${often} ${agoText(Date.parse(lastSeen), now)}; ${senderText(code, by)}`,
      ],
      cure: hint,
    }
  })
}

/** What the object says where a refusal tells what a request had. */
function listedFor(
  code: string,
  spec: OIDCClient['spec'],
  { redirectURIs = [], secret, verifiers = [] }: OIDCClientStatus,
): string | undefined {
  const ids = secret?.activeId === undefined ? verifiers.map(({ id }) => id) : [secret.activeId]
  const secrets = ids.map((id) => `secret ${id}`)
  const origins = corsOriginsOf(spec)
  const lists: Readonly<Record<string, readonly string[] | undefined>> = {
    REDIRECT_URI_NOT_LISTED: [...(spec.redirectURIs ?? []), ...redirectURIs.map(({ uri }) => uri)],
    LOGOUT_URI_NOT_LISTED: spec.postLogoutRedirectURIs,
    ORIGIN_NOT_LISTED: origins.length > 0 ? origins : [`no origin, and the type ${spec.type}`],
    SCOPE_NOT_GRANTED: scopesOf(spec),
    AUDIENCE_NOT_GRANTED: spec.audiences,
    PERSON_NOT_ALLOWED: spec.access?.allowedGroups,
    AUTH_METHOD_NOT_REGISTERED: [authMethodOf(spec)],
    SECRET_WRONG: secrets,
    SECRET_ENDED: secrets,
  }
  const listed = lists[code]
  return listed === undefined || listed.length === 0 ? undefined : listed.join(', ')
}

function notReadOf(secret: SecretSeen | undefined): readonly string[] {
  if (secret === undefined || secret.kind === 'found' || secret.kind === 'absent') return []
  return [`with the right to read Secrets here, it would also compare the secret that lies there`]
}
