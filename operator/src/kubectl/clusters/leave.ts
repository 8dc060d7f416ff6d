// The command `cluster leave`: takes away all that another cluster has here.
import type { Command } from 'commander'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import { noCluster, reportFault } from '../clients/report-fault.ts'
import { clusterKind, findCluster, findNamespace, flagsOf, readClients, requestKubectl } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { clusterWideFlags, withClusterFlags } from '../terminal.ts'
import type { PluginSession } from '../terminal.ts'
import { rightsToJoin } from './join.ts'

type LeaveOptions = ClusterFlags & { readonly yes?: boolean }

export function addLeaveCommand(cluster: Command, session: PluginSession): void {
  withClusterFlags(cluster.command('leave'))
    .description(
      'Ends the credential of a cluster, and removes all its clients from the issuer: nobody signs in with them any more, and consents are lost. To stop it for a while, set spec.suspended of the OIDCCluster.',
    )
    .argument('<cluster>', 'the OIDCCluster')
    .option('--yes', 'do it; without this the command says what would be lost')
    .addHelpText('after', '\nExample:\n  kubectl nauthera cluster leave berlin --yes')
    .action((name: string, options: LeaveOptions) => leave(name, options, session))
}

function leave(name: string, options: LeaveOptions, { terminal, exit }: PluginSession): void {
  const { kubectl: call, error, out } = terminal
  const flags = clusterWideFlags(options)
  const namespace = namespaceOfCluster(name)
  const joined = findCluster(call, name, flags)
  const parts = [joined, findNamespace(call, namespace, flags)]
  for (const part of parts) if (part.kind !== 'found') return exit(reportFault(part, terminal, rightsToJoin))
  if (parts.every((part) => part.kind === 'found' && part.value === undefined)) {
    error(noCluster(name))
    return exit(2)
  }
  const clients = readClients(call, { ...flags, namespace })
  if (clients.kind !== 'found') return exit(reportFault(clients, terminal, rightsToJoin))
  const moved = describeMoves(joined.kind === 'found' ? joined.value : undefined, namespace)
  if (options.yes !== true) {
    error(
      `clients of ${name} here: ${clients.value.length}. With --yes they, namespace ${namespace} and the rights of the cluster are removed\n${moved}`,
    )
    return exit(1)
  }
  // the rights first: from then on the cluster puts nothing back
  const what = [
    ['rolebinding', '--all', '--namespace', namespace],
    ['namespace', namespace],
    [clusterKind, name],
  ]
  for (const one of what) {
    const done = requestKubectl(call, ['delete', ...one, '--ignore-not-found', ...flagsOf(flags)])
    if (done.kind !== 'found') return exit(reportFault(done, terminal, rightsToJoin))
  }
  out(`${name} has left, with ${clients.value.length} clients\n${moved}`)
}

/** @returns a line for each client whose move is forgotten with the OIDCCluster */
function describeMoves(cluster: OIDCCluster | undefined, namespace: string): string {
  const moved = cluster?.spec.moved ?? []
  return moved
    .map(({ clientId, from, to }) =>
      to.namespace === namespace
        ? `moved there, and removed with it: ${clientId}, which was ${from.namespace}/${from.name}\n`
        : `moved from there, and loses its client id: ${clientId} of ${to.namespace}/${to.name}; a policy with allow.anyClientId keeps it\n`,
    )
    .join('')
}
