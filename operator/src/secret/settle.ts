import { labels, managedByOperator } from '@nauthera/proto/names'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { lastingUid } from '@nauthera/proto/shard-entry'
import { describeError } from '@nauthera/runtime/log'
import { isTrue } from '../api/conditions.ts'
import type { NameHolder, SecretOutcome } from '../decide/secret/secret-outcome.ts'
import { hasNoSecret, isLeftToPrograms } from '../decide/secret/rotation-terms.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import { isForbidden, isNamespaceEnding } from '../kubernetes/api-error.ts'
import { endingMs } from '../intake/ending-namespaces.ts'
import type { EndingNamespaces } from '../intake/ending-namespaces.ts'
import { passed } from './look.ts'
import type { Look, SecretStep } from './look.ts'
import type { SecretOutlet } from './outlet.ts'
import { fingerprintOf } from './render.ts'
import type { Render } from './render.ts'

/** A step: ends the look at a new client in a terminating namespace, and removes it from the shard. A later look tries again. */
export function createLeaveEnding(needs: {
  shards: Pick<SecretOutlet['shards'], 'stored' | 'remove'>
  endings: Pick<EndingNamespaces, 'has'>
  again: (key: string, milliseconds: number) => void
}): SecretStep {
  return ({ key, judgement: { client } }) => {
    if (!needs.endings.has(client.metadata.namespace) || needs.shards.stored(key) !== undefined) return passed
    needs.shards.remove(key)
    needs.again(key, endingMs)
    return { kind: 'ended', secret: { kind: 'namespace-ending', name: secretNameOf(client) } }
  }
}

/** A step: ends the look at a client that lists its secrets. Nothing is published. */
export const settleListed: SecretStep = ({ plan, memory, log }) => {
  if (plan.listed === undefined) return passed
  const secrets = plan.verifiers.map(({ id }) => id)
  if (plan.step.kind === 'write-shard') log.info({ secrets, ended: plan.listed.ended }, 'listed secrets change')
  // it minted before
  memory.pending = undefined
  return { kind: 'ended', secret: { kind: 'listed', name: undefined } }
}

/** A step: ends when nothing may be written: the API does not answer, the given secret is missing, or the Secret is foreign. */
export const stopWhereNotWritable: SecretStep = ({ failure, missing, read, judgement }) => {
  const name = secretNameOf(judgement.client)
  if (isNamespaceEnding(failure)) return { kind: 'ended', secret: { kind: 'namespace-ending', name } }
  if (failure !== undefined)
    return { kind: 'ended', secret: { kind: 'unreadable', name, message: unreadableMessage(failure) } }
  if (missing !== undefined) return { kind: 'ended', secret: { kind: 'waiting-for-secret', name, message: missing } }
  if (read.state.kind === 'foreign')
    return { kind: 'ended', secret: { kind: 'name-taken', name, holder: holderOf(read) } }
  return passed
}

/** A step: ends when the application's Secret is as planned, or is not due yet. */
export function createSettle(needs: {
  shards: Pick<SecretOutlet['shards'], 'stored' | 'hidesRestored'>
  follow: Pick<SecretOutlet['follow'], 'entry'>
  render: Render
}): SecretStep {
  /** Whether the last write equals what would be written now. */
  const isCurrent = (look: Look): boolean => {
    const written = look.memory.read?.fingerprint
    return (
      look.read.state.kind === 'owned' &&
      written !== undefined &&
      written === fingerprintOf(needs.render, look, look.plan.secret)
    )
  }
  /** Whether a Secret is due at all. */
  const isDue = ({ key, plan, source }: Look): boolean => {
    if (!hasNoSecret(source)) return plan.secret !== undefined
    if (isLeftToPrograms(source, plan.verifiers)) return false
    // A client without a secret gets its endpoints once it is live everywhere.
    return needs.follow.entry(key)?.applied === true
  }

  /** Whether its Secret holds a secret that servers do not have: an older one was put over it, or it was restored. */
  const isAwaited = ({ key, plan, memory, judgement: { client } }: Look): boolean => {
    const stored = needs.shards.stored(key)?.entry
    const { activeId } = plan.report
    const isStored = stored?.verifiers.some(({ id }) => id === activeId) === true
    // after a rotation servers have the secret before its Secret has it
    const { secret, restoredFrom } = client.status ?? {}
    const isSaid =
      isTrue(client.status, 'SecretReady') &&
      restoredFrom === memory.restoredFrom &&
      (isStored || secret?.activeId === activeId)
    if (isSaid || (memory.restoredFrom === undefined && (activeId === undefined || isStored))) return false
    const isKnown = stored !== undefined && isStoredAs(memory, stored)
    return !isKnown || plan.step.kind !== 'rest' || needs.follow.entry(key)?.applied !== true
  }

  /** Whether servers know it as the client that it goes on with. */
  const isStoredAs = ({ uid, restoredFrom }: Look['memory'], stored: ShardEntry): boolean =>
    needs.shards.hidesRestored ? stored.uid === uid : (restoredFrom ?? lastingUid(stored)) === lastingUid(stored)

  return (look) => {
    const { kind } = look.plan.step
    if (kind === 'publish' || kind === 'fence') return passed
    if (isDue(look) && !isCurrent(look)) return passed
    return { kind: 'ended', secret: isAwaited(look) ? awaited(look) : settled(look) }
  }
}

/** A status that says it is ready is about another secret: that is told at once. */
const awaited = ({ judgement: { client } }: Look): SecretOutcome => ({
  kind: isTrue(client.status, 'SecretReady') ? 'restored' : 'pending',
  name: secretNameOf(client),
})

function settled({ judgement, source, read, plan }: Look): SecretOutcome {
  const name = secretNameOf(judgement.client)
  if (plan.isLost && source.kind === 'minted') return { kind: 'lost', name }
  const { state, isFormer, wasOfEarlier } = read
  if (state.kind !== 'owned' || isFormer || wasOfEarlier) return { kind: 'pending', name }
  const lacksValue = !hasNoSecret(source) && state.sha256 === undefined
  return { kind: lacksValue ? 'pending' : 'ready', name }
}

function holderOf({ object, earlier }: Look['read']): NameHolder {
  if (earlier) return { kind: 'earlier', isProven: earlier.former !== undefined }
  // nothing was read: the name itself is reserved
  if (object === undefined) return { kind: 'release' }
  const { namespace, labels: found = {} } = object.metadata
  const client = found[labels.managedBy] === managedByOperator ? found[labels.client] : undefined
  return client === undefined ? { kind: 'stranger' } : { kind: 'client', key: `${namespace}/${client}` }
}

const unreadableMessage = (error: unknown): string =>
  isForbidden(error)
    ? 'the operator is not allowed to read or write this Secret; compare its RBAC with the Role of the chart'
    : describeError(error)
