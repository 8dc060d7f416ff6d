// A step: sets the planned entry in the shard.
import { ageOf } from '@nauthera/rules/age'
import { standingOf } from '../decide/status/propagation.ts'
import { isOfClient } from '../shards/client-entry.ts'
import type { ClientForShard } from '../shards/client-entry.ts'
import type { Clock } from '../time/clock.ts'
import { findAccountsSince } from '../decide/access/accounts-since.ts'
import { restraintOf } from '../decide/client/restraint.ts'
import { hasNoSecret } from '../decide/secret/rotation-terms.ts'
import { passed } from './look.ts'
import type { SecretWork, SecretStep } from './look.ts'
import type { SecretOutlet } from './outlet.ts'

export interface EntryWriter {
  /** Sets the client's entry in its shard. */
  setEntry(work: SecretWork, verifiers: ClientForShard['verifiers'], certainty: 'known' | 'presumed'): void
  /** A step: sets the planned verifiers in the shard, before any write that depends on them. */
  announce: SecretStep
}

export function createEntryWriter(needs: {
  shards: Pick<SecretOutlet['shards'], 'stored' | 'setClient' | 'setUndecided' | 'remove'>
  follow: Pick<SecretOutlet['follow'], 'config'>
  clock: Pick<Clock, 'now'>
  namespaceBornAt: (namespace: string) => number | undefined
}): EntryWriter {
  const { shards, follow, clock, namespaceBornAt } = needs

  const put: EntryWriter['setEntry'] = ({ key, judgement, granted, memory }, verifiers, certainty) => {
    const { serve, client, served, acceptance } = judgement
    if (serve.kind === 'nothing') return shards.remove(key)
    const stored = shards.stored(key)?.entry
    const past = stored && isOfClient(stored, memory) ? stored : undefined
    const entry: ClientForShard = {
      namespace: client.metadata.namespace,
      name: client.metadata.name,
      restoredFrom: memory.restoredFrom,
      clientId: served ?? acceptance.wanted,
      ...ageOf(client.metadata),
      namespaceBytes: judgement.shardBytes,
      clusterBytes: judgement.clusterBytes,
      verifiers,
      verdict: serve.kind === 'desired' ? { kind: 'desired', version: serve.version } : { kind: 'carry' },
      granted,
      forbidsEarlier: judgement.forbidsEarlier,
      restraint: restraintOf(client.spec),
      accountsSince: findAccountsSince(judgement, past, namespaceBornAt),
      standing: { of: stored?.desired, is: standingOf(follow.config(key)) },
      now: clock.now(),
    }
    if (certainty === 'known') shards.setClient(entry)
    else shards.setUndecided(entry)
  }

  return {
    setEntry: put,
    announce: (look) => {
      // An unreadable Secret may hold a secret in use, whose verifier only the stored entry has.
      const stored = shards.stored(look.key)?.entry
      const isStored = stored !== undefined && isOfClient(stored, look.memory)
      const isKnown = look.failure === undefined || hasNoSecret(look.source) || isStored
      put(look, look.plan.verifiers, isKnown ? 'known' : 'presumed')
      return passed
    },
  }
}
