// A step: what is planned goes into the shard.
import { standingOf } from '../decide/status/propagation.ts'
import type { ClientForShard } from '../shards/client-entry.ts'
import type { Clock } from '../time/clock.ts'
import type { FollowReplicas } from '../replicas/follow-replicas.ts'
import type { Shards } from '../shards/shards.ts'
import { restraintOf } from '../decide/client/restraint.ts'
import { hasNoSecret } from '../decide/secret/rotation-terms.ts'
import { passed } from './look.ts'
import type { SecretWork, SecretStep } from './look.ts'

export interface EntryWriter {
  /** Tells the shard what it should say about the client. */
  setEntry(work: SecretWork, verifiers: ClientForShard['verifiers'], certainty: 'known' | 'presumed'): void
  /** A step: the verifiers that the plan wants go into the shard, before anything is written that relies on them. */
  announce: SecretStep
}

export function createEntryWriter(needs: {
  shards: Pick<Shards, 'stored' | 'setClient' | 'setUndecided' | 'remove'>
  follow: Pick<FollowReplicas, 'config'>
  clock: Pick<Clock, 'now'>
}): EntryWriter {
  const { shards, follow, clock } = needs

  const put: EntryWriter['setEntry'] = ({ key, judgement, granted, memory }, verifiers, certainty) => {
    const { serve, client, acceptance } = judgement
    if (serve.kind === 'nothing') return shards.remove(key)
    const entry: ClientForShard = {
      namespace: client.metadata.namespace,
      name: client.metadata.name,
      uid: client.metadata.uid,
      restoredFrom: memory.restoredFrom,
      clientId: acceptance.clientId,
      createdAt: Date.parse(client.metadata.creationTimestamp),
      namespaceBytes: judgement.shardBytes,
      verifiers,
      verdict: serve.kind === 'desired' ? { kind: 'desired', version: serve.version } : { kind: 'carry' },
      granted,
      forbidsEarlier: judgement.forbidsEarlier,
      restraint: restraintOf(client.spec),
      standing: standingOf(follow.config(key)),
      now: clock.now(),
    }
    if (certainty === 'known') shards.setClient(entry)
    else shards.setUndecided(entry)
  }

  return {
    setEntry: put,
    announce: (look) => {
      // A Secret that could not be read may hold a secret that is in use. Only a stored entry tells its verifier.
      const isKnown = look.failure === undefined || hasNoSecret(look.source) || shards.stored(look.key) !== undefined
      put(look, look.plan.verifiers, isKnown ? 'known' : 'presumed')
      return passed
    },
  }
}
