// What goes out to the servers and to people, and what comes back from the servers.
import { ageOf } from '@nauthera/rules/age'
import { shortDigest } from '@nauthera/proto/digest'
import { spanRecorder } from '@nauthera/runtime/traces'
import { spokeName } from '@nauthera/proto/names'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import type { OIDCCluster } from '../api/oidc-cluster.ts'
import type { Crowd } from '../intake/crowd.ts'
import { createReadVersion, createSecretStore } from '../kubernetes/conditional-write.ts'
import { findObject } from '../kubernetes/find-object.ts'
import { readClusterIssuer } from '../kubernetes/issuer.ts'
import { objectPath, resourceTypes } from '../kubernetes/objects.ts'
import { createFollowReplicas } from '../replicas/follow-replicas.ts'
import { Issuers } from '../replicas/issuers.ts'
import { openLink } from '../replicas/link.ts'
import { createReplicas } from '../replicas/replicas.ts'
import { storeOutsideClusters } from '../secret/outside-clusters.ts'
import { createNudge, noNudge } from '../shards/nudge.ts'
import { createShards } from '../shards/shards.ts'
import { ChangeTraces } from '../status/change-traces.ts'
import type { Leader } from './leader.ts'
import { buildEvents, buildProofKey } from './parts.ts'

/** What goes out to the servers and to people, and what comes back from the servers. */
export async function buildServers(leader: Leader, crowd: Crowd) {
  const { settings, connection, version, clock, random, log, metrics } = leader
  const { release, namespace } = settings
  const secrets = storeOutsideClusters(createSecretStore(connection))
  const events = buildEvents(leader)
  const proofKey = buildProofKey(leader, secrets)
  const link = await openLink({ settings, secrets, readVersion: createReadVersion(connection), clock, log })
  const replicas = createReplicas({
    release,
    namespace,
    version,
    certificates: link.certificates,
    clock,
    random,
    log,
  })
  const signer = () => proofKey.signer
  const traces = spanRecorder() && new ChangeTraces()
  const shards = createShards({
    secrets,
    signer,
    release,
    namespace,
    highestSeq: replicas.highestSeq,
    isCrowded: () => crowd.isThere,
    clock,
    random,
    log,
    onWrite: (kind, milliseconds) => {
      metrics.writes.inc({ kind })
      metrics.writeSeconds.observe({ kind }, milliseconds / 1000)
    },
    onShardWritten: traces && ((written) => traces.written(written)),
  })
  const follow = createFollowReplicas({ replicas, shards })
  const revision = () => shortDigest(shards.manifestDigest())
  const nudge = settings.nudge
    ? createNudge({ connection, namespace, isBehind: follow.isBehind, revision, clock, log })
    : noNudge
  return { secrets, proofKey, events, link, replicas, shards, traces, follow, nudge }
}

export type Servers = Awaited<ReturnType<typeof buildServers>>

/** What signs the tokens of ServiceAccounts, read at the API server and told to the servers. */
export function buildIssuers(
  { settings, connection, clock, log, metrics }: Leader,
  { secrets, proofKey, shards, nudge }: Servers,
  clusters: () => readonly OIDCCluster[] | undefined,
  onFault: () => void,
) {
  const { release, namespace } = settings
  return new Issuers({
    release,
    namespace,
    secrets,
    signer: proofKey.signer,
    isBelieved: shards.isBelieved,
    read: () => readClusterIssuer(connection),
    clusters: () => clusters()?.flatMap(believedOf),
    readCluster: (name) =>
      findObject(
        connection,
        objectPath(resourceTypes.configMaps, { namespace: namespaceOfCluster(name), name: spokeName }),
      ),
    clock,
    log,
    onWritten: () => {
      metrics.writes.inc({ kind: 'issuers' })
      nudge.push()
    },
    onFault,
  })
}

const believedOf = ({ metadata, spec }: OIDCCluster) =>
  spec.serviceAccountKeys === true
    ? [
        {
          name: metadata.name,
          ...ageOf(metadata),
          keyIds: spec.keyIds ?? [],
        },
      ]
    : []
