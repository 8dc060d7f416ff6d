// The command `cluster move`: lets a client take the place of one in another cluster, with its client id, consents and secrets.
import type { Command } from 'commander'
import { namespaceOfCluster, tenantOf } from '@nauthera/rules/tenants'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import { noCluster, reportFault } from '../clients/report-fault.ts'
import { clusterKind, findCluster, flagsOf, readClients, requestKubectl } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { clusterWideFlags, withClusterFlags } from '../terminal.ts'
import type { PluginSession } from '../terminal.ts'

const rightsToMove = 'to change OIDCClusters and to list OIDCClients here, which a cluster-admin has'

/** What somebody types: `[cluster:]namespace[/name]`. */
interface Place {
  readonly cluster: string | undefined
  readonly namespace: string
  /** undefined: every client there */
  readonly name: string | undefined
}

type Move = NonNullable<OIDCCluster['spec']['moved']>[number]

export function addMoveCommand(cluster: Command, session: PluginSession): void {
  withClusterFlags(cluster.command('move'))
    .description(
      'Lets an OIDCClient take the place of one in another cluster: client id and consents stay, and the earlier secrets are valid for an overlap. First apply the object where it shall be, with spec.clientId as the client has it now; then run this; then delete the earlier object.',
    )
    .argument('<from>', '[cluster:]namespace[/name] of the client; without a cluster it is in this one')
    .argument('<to>', 'where it shall be, in the same form; the name stays unless this has another one')
    .addHelpText(
      'after',
      '\nExample:\n  kubectl nauthera cluster move berlin:shop/web madrid:shop\n  kubectl nauthera cluster move berlin:shop shop',
    )
    .action((from: string, to: string, options: ClusterFlags) => move(from, to, options, session))
}

function move(fromText: string, toText: string, options: ClusterFlags, { terminal, exit }: PluginSession): void {
  const { kubectl: call, error, out } = terminal
  const flags = clusterWideFlags(options)
  const [from, to] = [parsePlace(fromText), parsePlace(toText)]
  const owner = to?.cluster ?? from?.cluster
  if (!from || !to || owner === undefined || (to.name !== undefined && from.name === undefined)) {
    error(
      'say two places as [cluster:]namespace[/name], such as berlin:shop/web madrid:shop; one is of a joined cluster\n',
    )
    return exit(2)
  }
  const cluster = findCluster(call, owner, flags)
  if (cluster.kind !== 'found') return exit(reportFault(cluster, terminal, rightsToMove))
  if (!cluster.value) {
    error(noCluster(owner))
    return exit(2)
  }
  const sources = readClients(call, { ...flags, namespace: namespaceOf(from) })
  if (sources.kind !== 'found') return exit(reportFault(sources, terminal, rightsToMove))
  const targets = readClients(call, { ...flags, namespace: namespaceOf(to) })
  if (targets.kind !== 'found') return exit(reportFault(targets, terminal, rightsToMove))
  const found = sources.value.filter((one) => isAt(one, from)).map((one) => planMove(one, to, targets.value))
  const ready = found.flatMap((one) => ('move' in one ? [one.move] : []))
  for (const one of found) if ('fault' in one) error(`${one.fault}\n`)
  if (found.length === 0) error(`no client is at ${fromText}\n`)
  if (ready.length === 0) return exit(1)
  const kept = (cluster.value.spec.moved ?? []).filter(
    ({ clientId }) => !ready.some((one) => one.clientId === clientId),
  )
  // of the version that was read: somebody else may move clients too
  const { resourceVersion } = cluster.value.metadata
  const patch = JSON.stringify({ metadata: { resourceVersion }, spec: { moved: [...kept, ...ready] } })
  const args = ['patch', clusterKind, owner, '--type', 'merge', '--patch', patch, ...flagsOf(flags)]
  const done = requestKubectl(call, args)
  if (done.kind !== 'found') return exit(reportFault(done, terminal, rightsToMove))
  for (const { clientId, from: before } of ready) out(`${clientId}: ${lastStep(before)}\n`)
  if (ready.length < found.length) exit(1)
}

function parsePlace(text: string): Place | undefined {
  const [, cluster, namespace, name] = /^(?:([a-z0-9-]+):)?([a-z0-9-]+)(?:\/([a-z0-9.-]+))?$/.exec(text) ?? []
  return namespace === undefined ? undefined : { cluster, namespace, name }
}

const namespaceOf = ({ cluster, namespace }: Place): string =>
  cluster === undefined ? namespace : namespaceOfCluster(cluster)

/** @returns the name in its own cluster */
const ownName = ({ metadata, spec }: OIDCClient): string => spec.origin?.name ?? metadata.name

const isAt = (client: OIDCClient, { namespace, name }: Place): boolean =>
  tenantOf(client.metadata).namespace === namespace && (name === undefined || ownName(client) === name)

/** @returns the move, or what has to be done before */
function planMove(
  client: OIDCClient,
  to: Place,
  targets: readonly OIDCClient[],
): { readonly move: Move } | { readonly fault: string } {
  const clientId = client.status?.clientId
  const name = to.name ?? ownName(client)
  if (clientId === undefined)
    return { fault: `${client.metadata.name}: the operator has not judged it; see its status` }
  const target = targets.find((one) => isAt(one, { ...to, name }))
  if (target?.spec.clientId !== clientId) {
    const where = `${to.cluster === undefined ? 'here' : `in the cluster ${to.cluster}`}`
    return {
      fault: `${clientId}: first apply OIDCClient ${to.namespace}/${name} ${where} with spec.clientId: ${clientId}`,
    }
  }
  const uid = target.spec.origin?.uid ?? target.metadata.uid
  return { move: { clientId, from: placeOf(client), to: { ...placeOf(target), uid } } }
}

const placeOf = ({ metadata: { namespace, name } }: OIDCClient) => ({ namespace, name })

function lastStep(before: Move['from']): string {
  const { cluster, namespace } = tenantOf(before)
  const name = cluster === undefined ? before.name : before.name.slice(namespace.length + 1)
  const where = cluster === undefined ? 'here' : `in the cluster ${cluster}`
  return `moves as soon as the earlier object is deleted, ${where}: kubectl -n ${namespace} delete oidcclient ${name}`
}
