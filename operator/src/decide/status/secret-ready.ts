// What the condition SecretReady says: what became of the Secret, or of the secrets that a client lists.
import { annotations } from '@nauthera/proto/names'
import { presetRow } from '../../api/presets.ts'
import { timeText } from '../../api/time-text.ts'
import { configOf } from '../access/judgement.ts'
import type { Judgement } from '../access/judgement.ts'
import type { RotationPlan } from '../secret/rotation-terms.ts'
import type { SecretOutcome } from '../secret/secret-outcome.ts'
import { faultText, no, unknown, yes } from './finding.ts'
import type { ConditionFinding } from './finding.ts'

/** The part of an outcome that is about its secrets. */
interface AboutSecret {
  readonly issuer: string
  readonly judgement: Judgement
  readonly secret: SecretOutcome
  readonly rotation: RotationPlan | undefined
}

export function secretReady(about: AboutSecret): ConditionFinding {
  const { secret, rotation, judgement } = about
  const { name } = secret
  if (judgement.serve.kind === 'nothing') {
    const what = name === undefined ? 'its secrets' : `what Secret ${name} holds`
    return no('NotServed', `no server takes ${what}; see Accepted and PolicyCompliant`)
  }
  if (rotation?.step.kind === 'blocked' && rotation.step.why === 'no-room') {
    if (!rotation.isLost)
      return no(
        'TooManySecrets',
        `three secrets are valid, and no more can be: Secret ${name} gets one when the first of them ends (status.verifiers says when)`,
      )
    return no(
      'SecretLost',
      `Secret ${name} was deleted or edited again while three secrets are valid; it is restored within a minute, when the oldest of them ends; see who does that`,
    )
  }
  switch (secret.kind) {
    case 'ready':
      return yes('SecretReady', `Secret ${name} is current${needingHttps(about)}`)
    case 'pending':
      return configOf(judgement) === undefined
        ? no('WaitingForReplicas', `Secret ${name} is written once a version is accepted and every replica has it`)
        : no('WaitingForReplicas', `Secret ${name} is written once every replica has the client`)
    case 'restored':
      return no('WaitingForReplicas', `Secret ${name} was restored; it is current once every replica has its secret`)
    case 'elsewhere':
      return yes('SecretReady', 'its Secret is in its own cluster')
    case 'listed':
      return listedSecrets(about)
    case 'lost':
      return no(
        'SecretLost',
        `Secret ${name} was deleted or edited; it gets a new secret once every replica has that one, and the one that it had stays valid for the overlap`,
      )
    case 'waiting-for-secret':
      return no('WaitingForSecret', secret.message)
    case 'name-taken':
      return no('NameTaken', nameTaken(secret))
    case 'template-invalid':
      return no('TemplateInvalid', faultText(secret.faults))
    case 'namespace-ending':
      return no(
        'NamespaceTerminating',
        `Secret ${name} is not there, and its namespace is being deleted: nothing can be created in it; create the OIDCClient in another namespace`,
      )
    case 'unreadable':
      return unknown('SecretUnreadable', secret.message)
  }
}

/** The client lists its secrets itself. */
function listedSecrets({ rotation, judgement }: AboutSecret): ConditionFinding {
  if (rotation?.listed === undefined || configOf(judgement) === undefined)
    return yes('SecretReady', 'the previous secrets stay; this version is refused')
  const { isTaken, returning, lacksNewest, cut } = rotation.listed
  const ended = `${returning.join(', ')} has ended, and an ended secret never returns`
  if (lacksNewest)
    return no('SecretEnded', `spec.secret.verifiers: ${ended}; make another one with kubectl nauthera secret new`)
  if (!isTaken)
    return no(
      'SecretEnded',
      'spec.secret.verifiers: every secret has ended; list one that kubectl nauthera secret new makes',
    )
  const notes = [
    ...cut.map(({ id, notAfter = 0 }) => `; ${id} ends at ${timeText(notAfter)}, the latest that policies allow`),
    ...(returning.length > 0 ? [`; ${ended}`] : []),
  ]
  return yes('SecretReady', `the secrets are those of spec.secret.verifiers${notes.join('')}`)
}

/** Which of its presets cannot work with this issuer. */
function needingHttps({ issuer, judgement: { client } }: AboutSecret): string {
  const presets = issuer.startsWith('http:')
    ? (client.spec.secret?.presets ?? []).filter((preset) => presetRow(preset).needsHttps)
    : []
  return presets.length === 0
    ? ''
    : `; the program of the preset ${presets.join(', ')} takes no issuer by http, as ${issuer} is`
}

function nameTaken({ name, holder }: Extract<SecretOutcome, { kind: 'name-taken' }>): string {
  switch (holder.kind) {
    case 'release':
      return `Secret ${name} is one that Nauthera itself needs; choose another spec.secret.name`
    case 'earlier':
      return holder.isProven
        ? `Secret ${name} is of an earlier OIDCClient of this name; delete that Secret to get a new one, or, when both were restored from a backup, annotate this OIDCClient with ${annotations.restored}=true`
        : `Secret ${name} says that it is of an earlier OIDCClient of this name, and no proof of this release is in it; delete that Secret to get a new one`
    case 'client':
      return `Secret ${name} is that of OIDCClient ${holder.key}; choose another spec.secret.name`
    case 'stranger':
      return `Secret ${name} was not made by Nauthera and is left as it is; if a program uses it, set another spec.secret.name, else delete it`
  }
}
