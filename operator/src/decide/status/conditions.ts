// Builds the conditions of a client from the outcome of a look, each with its reason and remedy.
import { leastNonce } from '@nauthera/rules/limits'
import type { Condition } from '../../api/client-status.ts'
import { findCondition } from '../../api/conditions.ts'
import { timeText } from '../../api/time-text.ts'
import { toMove } from '../client/acceptance.ts'
import type { Acceptance } from '../client/acceptance.ts'
import type { NoRoom } from '../client/client-size.ts'
import { codesLack, pkceHint, secretIsTwice, unlistedScopes } from './code-protection.ts'
import { accessFaults, grantText } from '../access/describe-access.ts'
import { configOf, denialsOf } from '../access/judgement.ts'
import { conditionOf, faultText, no, shorten, unknown, yes } from './finding.ts'
import type { ConditionFinding } from './finding.ts'
import { findingOfHub, hubReachable, waitsForHub } from './hub-status.ts'
import type { Outcome } from './outcome.ts'
import type { ReplicaRejection } from './propagation.ts'
import { secretReady } from './secret-ready.ts'

/** Every condition but Ready, in the order in which things happen. Ready waits for the needed ones, or for
 *  those with a reason that is listed: what the others say is known later. */
const described: readonly [
  type: string,
  describe: (outcome: Outcome) => ConditionFinding | undefined,
  needed?: 'needed' | readonly string[],
][] = [
  ['Accepted', accepted, 'needed'],
  ['PolicyCompliant', policyCompliant, 'needed'],
  ['AudiencesGranted', audiencesGranted, 'needed'],
  ['SecretReady', secretReady, 'needed'],
  ['Propagated', propagated, 'needed'],
  ['RotationHealthy', rotationHealthy],
  ['Active', active],
  ['RedirectsFollowed', redirectsFollowed, ['NotFollowed', 'NoRedirectURI']],
  ['SectorListed', sectorListed],
  ['CodeProtected', codeProtected],
  ['ScopesListed', scopesListed],
  ['SecretShownOnce', secretShownOnce],
]

/** @returns every condition that applies, each with its reason and what people can do */
export function describeConditions(outcome: Outcome): readonly Condition[] {
  const findings = new Map<string, ConditionFinding>()
  for (const [type, describe, needed] of described) {
    const said = outcome.hub && findingOfHub(type, outcome.hub, needed !== undefined)
    const finding = said?.kind === 'said' ? said.finding : describe(outcome)
    if (finding) findings.set(type, finding)
  }
  if (outcome.hub) findings.set('HubReachable', hubReachable(outcome.hub))
  findings.set('Ready', ready(findings, outcome))
  const { judgement, now } = outcome
  const { status, metadata } = judgement.client
  const about = { before: status?.conditions, generation: metadata.generation, now }
  return [...findings].map(([type, finding]) => conditionOf(type, finding, about))
}

function accepted({ judgement: { acceptance }, noRoom }: Outcome): ConditionFinding {
  switch (acceptance.kind) {
    case 'accepted':
      return noRoom === undefined
        ? yes('Accepted', 'the spec follows every rule')
        : no('TooLarge', `spec: ${noRoomText[noRoom]}`)
    case 'too-large':
      return no('TooLarge', `spec: ${acceptance.message}`)
    case 'invalid':
      return no('InvalidSpec', faultText(acceptance.faults))
    case 'conflict':
      return no('ClientIDConflict', `${acceptance.field}: ${conflictText(acceptance)}`)
  }
}

function conflictText({ holder, move, mayClaim }: Extract<Acceptance, { kind: 'conflict' }>): string {
  if (move === 'declared') return `moves to ${holder}; delete this object`
  // names of other tenants are told to nobody who may not have them
  if (!mayClaim)
    return 'is not free, and no policy allows this client an id of its choice (customClientId); leave it out'
  const taken = `is taken by ${holder}; choose another, or delete that one`
  return move === 'possible' ? `${taken}; ${toMove}` : taken
}

/** For a client that a policy refuses: until when the earlier version is served. */
function afterDenial({ judgement: { serve, forbidsEarlier }, activity }: Outcome): string {
  if (serve.kind === 'desired')
    return forbidsEarlier
      ? 'this is about an earlier version, whose grace is over: only the present one is served'
      : 'this is about an earlier version, which servers still have'
  if (serve.kind === 'nothing' || serve.until === undefined) return 'the grace is over: nothing of it is served'
  // a new client has no earlier version
  return activity.kind === 'not-served' && activity.behind.length === 0
    ? 'nothing of it is served until every policy is met'
    : `what was accepted before is served until ${timeText(serve.until)}`
}

const noRoomText: Readonly<Record<NoRoom, string>> = {
  shard: 'does not fit into its shard; shorten it, or delete clients that nobody needs',
  cluster:
    'does not fit into what its cluster may have of its shard; shorten the largest clients of the cluster, delete those that nobody needs, or ask for a higher limits.bytesPerShard of its OIDCCluster',
  namespace:
    'does not fit into what this namespace may have of its shard; shorten the largest clients of the namespace, delete those that nobody needs, or ask for a policy with a higher limits.bytesPerShard',
}

function policyCompliant(outcome: Outcome): ConditionFinding {
  const { judgement } = outcome
  const said = judgement.violations.filter(({ enforcement }) => enforcement !== 'Audit')
  if (said.length === 0 && !judgement.isJudged)
    return unknown('NotJudged', 'policies cannot judge this version; see Accepted')
  if (said.length === 0) return yes('Compliant', 'every policy is met')
  const message = said.map(({ policy, field, message }) => `${field}: ${message} (policy ${policy})`).join('; ')
  return denialsOf(judgement).length > 0
    ? no('PolicyViolation', `${shorten(message, 800)}; ${afterDenial(outcome)}`)
    : yes('Warning', shorten(message))
}

function audiencesGranted({ access, judgement }: Outcome): ConditionFinding {
  const config = configOf(judgement)
  if (!config) return unknown('NotRendered', 'this version is refused; see Accepted and PolicyCompliant')
  const faults = accessFaults(config, access)
  if (faults.length > 0) return no('NotGranted', faultText(faults))
  if (access.length === 0) return yes('NoAudiences', 'the client asks for no API')
  return yes('Granted', shorten(access.map(grantText).join('; ')))
}

function propagated({ propagation, judgement, secret, platform }: Outcome): ConditionFinding {
  if (judgement.serve.kind !== 'desired') {
    return no('NotRendered', 'this version is refused; see Accepted and PolicyCompliant')
  }
  if (!propagation) return no('ReplicasLagging', 'not written yet: no replica can have this version')
  const { loaded, total, rejected, unreachable, lagging } = propagation
  if (rejected.length > 0) {
    // Servers refuse a client without a verifier; the cause is the name.
    if (['name-taken', 'namespace-ending', 'unreadable'].includes(secret.kind))
      return no('NotRendered', 'servers take no client without a secret, and this one has none; see SecretReady')
    return no('RejectedByServer', rejectionText(rejected, total))
  }
  const waited = lagging.length > 0 ? `; waiting for ${lagging.join(', ')}` : ''
  if (unreachable.length > 0) {
    const silent = `no answer from ${unreachable.join(', ')}: whether they have this version is not known; see their pods`
    return unknown('StatusUnreachable', shorten(`${silent}${waited}`))
  }
  if (total === 0) return no('ReplicasLagging', 'no replica of the server is running')
  if (loaded < total) {
    return no('ReplicasLagging', shorten(`live on ${loaded}/${total} replicas${waited}`))
  }
  return platformFinding(platform) ?? yes('Propagated', `live on ${loaded}/${total} replicas`)
}

/** Replicas may differ: after an update of some, or by their own settings. */
function rejectionText(rejected: readonly ReplicaRejection[], total: number): string {
  const byFault = Map.groupBy(rejected, ({ field, message, code }) => `${field}: ${shorten(message, 700)} (${code})`)
  const texts = Array.from(byFault, ([fault, all]) => {
    const who = all.length === total ? 'every replica' : all.map(({ replica }) => replica).join(', ')
    return `${fault}, refused by ${who}`
  })
  return shorten(texts.join('; '))
}

/** Every replica has the client, but no replica can authenticate it. */
function platformFinding(platform: Outcome['platform']): ConditionFinding | undefined {
  switch (platform?.kind) {
    case 'unreadable':
      return no('IssuerUnreadable', shorten(`the keys of the cluster's ServiceAccounts are not known: ${platform.why}`))
    case 'waiting':
      return no(
        'ReplicasLagging',
        shorten(`the keys of the cluster's ServiceAccounts have yet to reach ${platform.replicas.join(', ')}`),
      )
    default:
      return undefined
  }
}

function rotationHealthy({ rotation, hub, ending, endingAt }: Outcome): ConditionFinding {
  const waits = rotation && hub?.fault && waitsForHub(rotation.step, hub.fault.message)
  if (waits !== undefined) return no('HubUnreachable', waits)
  if (!rotation) return yes('Healthy', 'no rotation is overdue')
  const { health } = rotation
  if (!health.ok) return no(health.reason, health.message)
  if (health.waits !== undefined) return yes('Waiting', health.waits)
  return ending.length > 0
    ? yes('Retiring', stillAcceptedAt(ending, endingAt))
    : yes('Healthy', 'no rotation is overdue')
}

function stillAcceptedAt(ending: Outcome['ending'], replicas: readonly string[]): string {
  const ended = `ended: ${ending.map(({ id }) => id).join(', ')}`
  return replicas.length > 0
    ? shorten(`${ended}; these replicas may still accept it: ${replicas.join(', ')}`)
    : `${ended}; not every replica has said that it refuses it`
}

/** Whether people and programs can use it now, at any replica. */
function active({ activity: { kind, behind } }: Outcome): ConditionFinding {
  if (kind === 'active') return yes('Active', 'the client is not suspended')
  // a suspension is reported only when every replica has it
  if (behind.length > 0 && kind !== 'suspended-before')
    return unknown('ReplicasLagging', shorten(`it stops; these replicas may still serve it: ${behind.join(', ')}`))
  switch (kind) {
    case 'suspended':
      return no('Suspended', 'spec.suspended is true: nobody signs in and no token is issued; remove it to go on')
    case 'suspended-before':
      return no('Suspended', 'the version that is served is suspended; it goes on when the present one is served')
    case 'not-served':
      return no('NotServed', 'no server has it; see Accepted, PolicyCompliant and Propagated')
  }
}

/** Only for a client with redirectURIsFrom. What is left out of it takes nothing from the others; but a client without any redirect URI
 *  can sign nobody in. */
function redirectsFollowed({ redirects, judgement: { client } }: Outcome): ConditionFinding | undefined {
  if (redirects === undefined) return undefined
  if (redirects === 'off')
    return no(
      'NotFollowed',
      'spec.redirectURIsFrom: this operator follows no routes; set operator.redirectURIsFrom in the chart, with operator.watch.mode cluster, or list redirectURIs',
    )
  const { uris, left } = redirects
  const why = left.join('; ')
  if (uris.length === 0 && (client.spec.redirectURIs ?? []).length === 0)
    return no('NoRedirectURI', shorten(`nobody can sign in, because the client has no redirect URI: ${why}`))
  return left.length > 0
    ? no('HostsLeftOut', shorten(`the others work: ${why}`))
    : yes('Followed', shorten(uris.map(({ uri, from }) => `${uri} (${from.kind} ${from.name})`).join(', ')))
}

/** Only for a client with a sector. A server reads the document at a sign-in, so Ready does not wait for it. */
function sectorListed({ sector, judgement: { client } }: Outcome): ConditionFinding | undefined {
  const { spec, status, metadata } = client
  if (spec.sectorIdentifierURI === undefined) return undefined
  if (sector?.generation === metadata.generation)
    return sector.fault === ''
      ? yes('Listed', 'the document of its sector lists the client')
      : no('NotListed', shorten(sector.fault))
  // said by an earlier replica
  const known = findCondition(status, 'SectorListed')
  if (known?.observedGeneration === metadata.generation) return known
  return unknown(
    'NotRead',
    'nobody wanted to sign in to this version yet: a server reads the document of its sector then',
  )
}

/** Only for a client that was seen without PKCE, where that is allowed. Ready does not wait for it. */
function codeProtected({ codes, judgement }: Outcome): ConditionFinding | undefined {
  const { client } = judgement
  if (configOf(judgement)?.pkceOrNonce === false) return undefined
  switch (codesLack(client, codes)) {
    case undefined:
      return undefined
    case false:
      return yes('Protected', 'the program sends PKCE or a nonce')
    case true:
      return no(
        'NeitherPKCENorNonce',
        `sign-in works, but the program redeemed a code with neither PKCE nor a nonce of at least ${leastNonce} characters: a stolen code can be brought into another session; ${pkceHint(client.spec)}`,
      )
  }
}

/** Only for a client whose program requested an unlisted scope about the person. Sign-in works, so Ready does not wait for it. */
function scopesListed({ codes, judgement }: Outcome): ConditionFinding | undefined {
  const found = unlistedScopes(judgement.client, codes, configOf(judgement)?.scopes ?? [])
  if (found === undefined || 'type' in found) return found
  if (found.length === 0) return yes('Listed', 'spec.scopes lists every scope that the program asks for')
  const [them, they] = found.length > 1 ? ['them', 'they are'] : ['it', 'it is']
  return no(
    'LeftOut',
    `sign-in works, but this client asks for ${found.join(', ')}, which spec.scopes does not list, so ${they} left out: add ${them}, or turn the option of the program off`,
  )
}

/** Only for a client whose program showed its secret twice. It got its token, so Ready does not wait for it. */
function secretShownOnce({ codes, judgement }: Outcome): ConditionFinding | undefined {
  switch (secretIsTwice(judgement.client, codes)) {
    case undefined:
      return undefined
    case false:
      return yes('Once', 'the program sends its secret in one place')
    case true:
      return no(
        'HeaderAndBody',
        'sign-in works, but the program sends its secret in the header and in the body of one request, which RFC 6749 section 2.3 forbids and other servers refuse: choose one of the two in the program. auth.method client_secret_basic or client_secret_post refuses both at once',
      )
  }
}

/** Ready is the first of the needed conditions that does not hold. */
function ready(findings: ReadonlyMap<string, ConditionFinding>, outcome: Outcome): ConditionFinding {
  const { activity, hub } = outcome
  const failing = described.filter(([type, , needed]) => {
    const { status, reason = '' } = findings.get(type) ?? {}
    return needed === 'needed' ? status !== 'True' : needed?.includes(reason) === true
  })
  // a Secret that waits for replicas: name that cause
  const [type] = failing.find(([type]) => findings.get(type)?.reason !== 'WaitingForReplicas') ?? failing[0] ?? []
  const finding = type && findings.get(type)
  if (finding) return { ...finding, message: `${type}: ${finding.message}` }
  const suspended = activity.kind.startsWith('suspended') ? '; suspended: nobody can use it (see Active)' : ''
  const rotation = findings.get('RotationHealthy')
  const stillUsed = rotation?.reason === 'PreviousSecretStillUsed' ? `; ${rotation.message}` : ''
  const { kind } = outcome.secret
  const secret =
    kind === 'listed'
      ? 'its secrets are valid there'
      : `its Secret is ${kind === 'elsewhere' ? 'in its own cluster' : 'there'}`
  const silent = hub?.fault ? `; ${hub.fault.message}` : ''
  return yes('Ready', `live on every replica, and ${secret}${suspended}${stillUsed}${silent}`)
}
