// A client, and what the watch knows about its rivals and policies -> its judgement. The only place where the running operator judges.
import { describeError } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicySpec } from '../api/oidc-policy.ts'
import { acceptClients, keyOf } from '../decide/acceptance.ts'
import { judgeClient, refuseClient } from '../decide/judge.ts'
import type { Judgement } from '../decide/judge.ts'
import { policiesFor } from '../decide/policies.ts'
import type { Policies } from '../decide/policies.ts'
import type { Clock } from '../time/clock.ts'
import type { Shards } from '../shards/shards.ts'
import type { Watch } from './watch.ts'

interface Needs {
  readonly watch: Pick<Watch, 'clients' | 'policies' | 'namespaceLabels'>
  /** The policy of the settings, which holds for every client. */
  readonly baseline: OIDCPolicySpec
  readonly shards: Pick<Shards, 'stored'>
  readonly clock: Pick<Clock, 'now'>
}

/** @returns a function that judges a client as it is now. It never throws: an object that makes the rules throw is refused, and
 *    `onPoison` is told */
export function createJudge(needs: Needs): (client: OIDCClient, onPoison: (error: unknown) => void) => Judgement {
  return (client, onPoison) => {
    try {
      return judge(client, needs)
    } catch (error) {
      onPoison(error)
      return refuseClient(client, describeError(error))
    }
  }
}

function judge(client: OIDCClient, { watch, baseline, shards, clock }: Needs): Judgement {
  const key = keyOf(client)
  const all = watch.policies()
  const policiesOf = (one: OIDCClient): Policies =>
    policiesFor(one, { baseline, policies: all, namespaceLabels: watch.namespaceLabels(one.metadata.namespace) })
  const policies = policiesOf(client)
  const rivals = watch.clients.rivals(key)
  const acceptance = acceptClients(rivals, (one) => (keyOf(one) === key ? policies : policiesOf(one)), {
    selectsNamespaces: watch.namespaceLabels(client.metadata.namespace) !== undefined,
  }).get(key)
  if (!acceptance) throw new Error(`${key} was not judged`)
  return judgeClient(client, {
    acceptance,
    policies,
    countOlder: () => watch.clients.olderInNamespace(client),
    isServed: isServed(client, shards.stored(key)?.entry),
    now: clock.now(),
  })
}

/** Its shard may be lost: then the status remembers that servers had it. */
const isServed = ({ metadata, status }: OIDCClient, stored: StoredEntry | undefined): boolean =>
  stored?.uid === metadata.uid || (status?.replicas?.loaded ?? 0) > 0

type StoredEntry = NonNullable<ReturnType<Shards['stored']>>['entry']
