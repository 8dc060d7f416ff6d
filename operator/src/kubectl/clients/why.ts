// Explains why a client does not work: what is wrong first, then what to do, then what is well.
import { createHash } from 'node:crypto'
import type { Command } from 'commander'
import { isRefusalCode, refusalKinds } from '@nauthera/rules/refusals'
import { authMethodOf } from '../../api/in-effect.ts'
import type { Condition, OIDCClientStatus } from '../../api/client-status.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { readClient, readClients, readSecret } from '../cluster.ts'
import type { ClusterAnswer, ClusterFlags } from '../cluster.ts'
import { agoText, machineText, outputOption, withClusterFlags } from '../terminal.ts'
import type { MachineFormat, PluginSession } from '../terminal.ts'
import { reportFault } from './report-fault.ts'

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

interface Explanation {
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
const hints = ['RedirectsFollowed', 'SectorListed', 'CodeProtected', 'ScopesListed']

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
  NameTaken: 'look at the labels of that Secret: they may say who made it',
  HostsLeftOut: 'do for each host what the message says, or take it out',
  NoRedirectURI: 'do for a host what the message says, or list redirectURIs',
  NotFollowed: 'ask who runs the operator, or list redirectURIs',
}

/** What goes away with the fault that stands before it. */
const consequences: ReadonlySet<string> = new Set(['NotRendered', 'NotServed', 'WaitingForReplicas'])

type WhyOptions = ClusterFlags & { readonly output?: MachineFormat; readonly allNamespaces?: boolean }

export function addWhyCommand(program: Command, session: PluginSession): void {
  withClusterFlags(program.command('why'))
    .description(
      'Explains why a client does not work: what is wrong first, then what to do, then what is well. Without a name it explains each client of the namespace that does not work. The exit code is 1 when something is wrong. It needs the right to read the OIDCClient, and tells more with the right to read its Secret.',
    )
    .argument('[name]', 'the OIDCClient')
    .option('-A, --all-namespaces', 'without a name: of all namespaces')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera why grafana -n monitoring')
    .action((name: string | undefined, options: WhyOptions) =>
      name === undefined ? explainAll(options, session) : explainOne(name, options, session),
    )
}

function explainOne(name: string, options: WhyOptions, { terminal, exit }: PluginSession): void {
  const found = readClient(terminal.kubectl, name, options)
  if (found.kind !== 'found') return exit(reportFault(found, terminal))
  const explanation = explain(found.value, options, terminal)
  terminal.out(options.output ? machineText(options.output, explanation) : explanationText(explanation))
  if (isWrong(explanation)) exit(1)
}

function explainAll(options: WhyOptions, { terminal, exit }: PluginSession): void {
  const found = readClients(terminal.kubectl, options)
  if (found.kind !== 'found') return exit(reportFault(found, terminal))
  const explanations = found.value.map((client) => explain(client, options, terminal))
  const wrong = explanations.filter(isWrong)
  const summary = `${explanations.length - wrong.length} of ${explanations.length} clients work.\n`
  const text = () => [...wrong.map(explanationText), summary].join('\n')
  terminal.out(options.output ? machineText(options.output, explanations) : text())
  if (wrong.length > 0) exit(1)
}

function explain(client: OIDCClient, options: ClusterFlags, { kubectl, now }: PluginSession['terminal']): Explanation {
  const { namespace } = client.metadata
  const secretName = client.status?.secret?.name
  const secret = secretName === undefined ? undefined : readSecret(kubectl, secretName, { ...options, namespace })
  return explainClient(client, { secret, now: now() })
}

const isWrong = ({ findings }: Explanation): boolean => findings.some(({ severity }) => severity !== 'hint')

function explainClient(
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
  return { client: name, findings, facts: factsOf(client, status, seen), notRead: notReadOf(seen.secret) }
}

/** Ready may wait for a hint: a client without any redirect URI signs nobody in. */
function waitedForIn(conditions: readonly Condition[]): readonly string[] {
  const ready = conditions.find(({ type }) => type === 'Ready')
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
    .map((type) => conditions.find((one) => one.type === type))
    .filter((one): one is Condition => one !== undefined && one.status !== 'True')
  return faulty.flatMap(({ type, ...found }, index) => {
    if (index > 0 && consequences.has(found.reason)) return []
    const cure = cures[found.reason] ?? `read the message; docs/conditions.md explains ${found.reason}`
    return [{ severity, what: `${type} is ${found.status} (${found.reason}): ${found.message}`, cure }]
  })
}

const idOf = (secret: string): string => createHash('sha256').update(secret).digest('hex').slice(0, 8)

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
  const ids = Object.values(seen.value).map(idOf)
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
  return 'not authenticated: anybody who knows the client id can have sent it'
}

function refusalFindings(status: OIDCClientStatus, { spec }: OIDCClient, now: number): readonly WhyFinding[] {
  return (status?.refusals ?? []).map(({ code, by, count, lastSeen, detail, hint }) => {
    const meaning = isRefusalCode(code)
      ? refusalKinds[code].meaning
      : 'This version of the plugin does not know the code.'
    const often = count === 1 ? 'once in the last hour,' : `${count} times in the last hour, the last one`
    const listed = listedFor(code, spec, status)
    return {
      severity: 'refused',
      what: `${code}: ${meaning}`,
      details: [
        ...(detail === undefined ? [] : [`the request has  ${detail}`]),
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
  const lists: Readonly<Record<string, readonly string[] | undefined>> = {
    REDIRECT_URI_NOT_LISTED: [...(spec.redirectURIs ?? []), ...redirectURIs.map(({ uri }) => uri)],
    LOGOUT_URI_NOT_LISTED: spec.postLogoutRedirectURIs,
    ORIGIN_NOT_LISTED: spec.corsOrigins,
    SCOPE_NOT_GRANTED: spec.scopes,
    AUDIENCE_NOT_GRANTED: spec.audiences,
    PERSON_NOT_ALLOWED: spec.access?.allowedGroups,
    AUTH_METHOD_NOT_REGISTERED: [authMethodOf(spec)],
    SECRET_WRONG: secrets,
    SECRET_ENDED: secrets,
  }
  const listed = lists[code]
  return listed === undefined || listed.length === 0 ? undefined : listed.join(', ')
}

function factsOf(
  { metadata, spec }: OIDCClient,
  {
    policies = [],
    replicas,
    redirectURIs = [],
    secret,
    verifiers = [],
    identity,
    effective,
    clientId = '',
    issuer = '',
  }: OIDCClientStatus,
  { now }: { readonly now: number },
): Readonly<Record<string, string>> {
  const apis = effective?.apis?.map(({ identifier }) => identifier) ?? []
  return {
    object: `${spec.type}, generation ${metadata.generation}, client id ${clientId} at ${issuer}`,
    policies: policies.length === 0 ? 'none' : policies.join(', '),
    ...(apis.length > 0 ? { APIs: apis.join(', ') } : {}),
    ...(redirectURIs.length > 0 ? { redirects: redirectURIs.map(redirectFact).join('; ') } : {}),
    ...(secret?.activeId === undefined ? {} : { Secret: secretFact(secret, now) }),
    ...(verifiers.length === 0 ? {} : { 'listed secrets': verifiers.map((one) => listedFact(one, now)).join('; ') }),
    ...(identity === undefined
      ? {}
      : { identity: `${identity.name}, last used ${agoText(Date.parse(identity.lastUsed), now)}` }),
    ...(replicas === undefined ? {} : { servers: `${replicas.loaded} of ${replicas.total} replicas serve it` }),
  }
}

const redirectFact = ({ uri, from, goneSince }: NonNullable<OIDCClientStatus['redirectURIs']>[number]): string =>
  `${uri} from ${from.kind} ${from.name}${goneSince === undefined ? '' : `, gone since ${goneSince}`}`

function secretFact(
  { name, activeId, lastRotated, lastUsed, nextRotation, previous = [] }: NonNullable<OIDCClientStatus['secret']>,
  now: number,
): string {
  const parts = [
    `${name} holds secret ${activeId}`,
    ...(lastRotated === undefined ? [] : [`written ${agoText(Date.parse(lastRotated), now)}`]),
    ...(lastUsed === undefined ? [] : [`last used ${agoText(Date.parse(lastUsed), now)}, to within a day`]),
    ...(nextRotation === undefined ? [] : [`next rotation ${nextRotation}`]),
    ...previous.map((one) => previousFact(one, now)),
  ]
  return parts.join('; ')
}

/** The status does not say of an older secret whether it has ended. */
function previousFact(
  { id, expiresAt, lastUsed }: NonNullable<NonNullable<OIDCClientStatus['secret']>['previous']>[number],
  now: number,
): string {
  const hasEnded = expiresAt !== undefined && Date.parse(expiresAt) <= now
  const accepts = `a server may still accept secret ${id}`
  return [
    hasEnded
      ? `secret ${id} ended at ${expiresAt} and a server may still accept it`
      : [accepts, ...(expiresAt === undefined ? [] : [`until ${expiresAt}`])].join(' '),
    lastUsed === undefined ? 'not used' : `last used ${agoText(Date.parse(lastUsed), now)}`,
  ].join(', ')
}

function listedFact(
  { id, notAfter, lastUsed, acceptedByAll }: NonNullable<OIDCClientStatus['verifiers']>[number],
  now: number,
): string {
  return [
    acceptedByAll ? `every replica takes ${id}` : `not every replica takes ${id} yet`,
    ...(notAfter === undefined ? [] : [`until ${notAfter}`]),
    lastUsed === undefined ? 'not used' : `last used ${agoText(Date.parse(lastUsed), now)}`,
  ].join(', ')
}

function notReadOf(secret: SecretSeen | undefined): readonly string[] {
  if (secret === undefined || secret.kind === 'found' || secret.kind === 'absent') return []
  return [`with the right to read Secrets here, it would also compare the secret that lies there`]
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** @returns the explanation as a colleague would say it */
function explanationText({ client, findings, facts, notRead }: Explanation): string {
  const wrong = findings.filter(({ severity }) => severity !== 'hint').length
  const head =
    wrong === 0
      ? `${client} works: it is live on every replica, and no request in its name was refused in the last hour.`
      : `${client}: ${wrong === 1 ? 'one thing is' : `${wrong} things are`} wrong.`
  const width = Math.max(...Object.keys(facts).map(({ length }) => length), 0)
  return [
    head,
    ...findings.map(
      ({ severity, what, details = [], cure }, index) =>
        `\n${index + 1}. ${severity === 'hint' ? '(works) ' : ''}${[what, ...details].join('\n   ')}\n   -> ${capital(cure)}`,
    ),
    '',
    ...Object.entries(facts).map(([subject, fact]) => `${subject.padEnd(width)}  ${fact}`),
    ...notRead.map((text) => `\n(${text})`),
    '',
  ].join('\n')
}
