// The command `cluster list`: which clusters have joined, and how they are.
import type { Command } from 'commander'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import { reportFault } from '../clients/report-fault.ts'
import { clusterKind, readClusters } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { agoText, clusterWideFlags, outputOption, printList, withClusterFlags } from '../terminal.ts'
import type { ListColumn, ListFormat, PluginSession } from '../terminal.ts'

type ListOptions = ClusterFlags & { readonly output?: ListFormat }

interface ClusterRow {
  readonly name: string
  readonly lastSeen: string
  readonly clients: string
  readonly state: string
  readonly version: string
  readonly holder: string
}

export function addClusterListCommand(cluster: Command, session: PluginSession): void {
  withClusterFlags(cluster.command('list'))
    .description(
      'Lists the clusters that have joined: when each was last heard of, how many clients it has, and what is wrong.',
    )
    .addOption(outputOption('wide'))
    .addHelpText('after', '\nExample:\n  kubectl nauthera cluster list')
    .action((options: ListOptions) => list(options, session))
}

function list(options: ListOptions, { terminal, exit }: PluginSession): void {
  const found = readClusters(terminal.kubectl, clusterWideFlags(options))
  if (found.kind !== 'found') return exit(reportFault(found, terminal, `to list ${clusterKind}`))
  const rows = found.value.map((one) => rowOf(one, terminal.now()))
  printList(terminal, rows, { columns, output: options.output, none: 'no cluster has joined' })
}

function rowOf({ metadata, spec, status }: OIDCCluster, now: number): ClusterRow {
  const { lastSeen, clients, ready, conditions = [], operatorVersion = '-', holder = '-' } = status ?? {}
  return {
    name: metadata.name,
    lastSeen: lastSeen === undefined ? 'never' : agoText(Date.parse(lastSeen), now),
    clients: clients === undefined ? '-' : `${ready ?? 0}/${clients} Ready`,
    state: spec.suspended === true ? 'Suspended' : stateOf(conditions),
    version: operatorVersion,
    holder,
  }
}

/** @returns what is wrong; `-` until the operator of the hub has looked at it for the first time */
function stateOf(conditions: NonNullable<NonNullable<OIDCCluster['status']>['conditions']>): string {
  if (conditions.length === 0) return '-'
  const faults = conditions.filter(({ status }) => status !== 'True').map(({ reason }) => reason)
  return faults.length > 0 ? faults.join() : 'ok'
}

const columns: readonly ListColumn<keyof ClusterRow>[] = [
  ['NAME', 'name'],
  ['LAST-SEEN', 'lastSeen'],
  ['CLIENTS', 'clients'],
  ['STATE', 'state'],
  ['VERSION', 'version', 'wide'],
  ['HOLDER', 'holder', 'wide'],
]
