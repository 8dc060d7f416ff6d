// The command `cluster join`: makes in the hub what another cluster needs there, and prints its credential.
import type { Command } from 'commander'
import { spokeName } from '@nauthera/proto/names'
import { maxClusterName } from '@nauthera/rules/limits'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { durationMs } from '../../api/duration.ts'
import { reportFault } from '../clients/report-fault.ts'
import { findCluster, findNamespace, flagsOf, requestKubectl } from '../cluster.ts'
import type { CallKubectl, ClusterAnswer, ClusterFault, ClusterFlags } from '../cluster.ts'
import { readOperatorSettings } from '../operator-settings.ts'
import type { OperatorSettingsFile } from '../operator-settings.ts'
import { clusterWideFlags, machineText, outputOption, withClusterFlags } from '../terminal.ts'
import type { MachineFormat, PluginSession } from '../terminal.ts'
import { hubObjects } from './hub-objects.ts'
import { credentialManifest, helmCommand, readHubAddress } from './spoke-credential.ts'

export const rightsToJoin = 'to change OIDCClusters, namespaces, roles and what is in them, which a cluster-admin has'

/** The alert NautheraCertificateExpires leaves people 4 hours, which is a third of this: by then it should be renewed. */
const shortestLifetimeMs = 12 * 3_600_000

type JoinOptions = ClusterFlags & {
  readonly server?: string
  readonly tokenLifetime: string
  readonly spokeNamespace: string
  readonly release: string
  readonly takeOver?: boolean
  readonly dryRun?: boolean
  readonly output: MachineFormat
}

export function addJoinCommand(cluster: Command, session: PluginSession): void {
  withClusterFlags(cluster.command('join'))
    .description(
      'Lets another cluster have clients here. It makes the OIDCCluster, and a namespace with an account that may change nothing else; it prints the Secret that the operator there needs, and says how to install that. Run it again to have another token: nothing else changes.',
    )
    .argument('<cluster>', 'a name for the other cluster: it is in its client ids, and cannot be changed')
    .option(
      '--server <url>',
      'address of the API server of this cluster, as the other one reaches it; default: that of the kubeconfig',
    )
    .option('--token-lifetime <duration>', 'life of the token; the operator there renews it at two thirds', '168h')
    .option('--spoke-namespace <name>', 'namespace of the release in the other cluster', 'auth')
    .option('--release <namespace/name>', 'the release in this cluster', 'auth/nauthera')
    .option(
      '--take-over',
      'end every earlier token, and let the next cluster that writes have the name: after a theft, or when another cluster takes its place',
    )
    .option('--dry-run', 'print what would be made in this cluster, and make nothing')
    .addOption(outputOption().default('yaml'))
    .addHelpText(
      'after',
      '\nExample:\n  kubectl nauthera cluster join berlin --context hub | kubectl --context berlin apply -f -',
    )
    .action((name: string, options: JoinOptions) => join(name, options, session))
}

function join(name: string, options: JoinOptions, { terminal, exit }: PluginSession): void {
  const { kubectl: call, error, out } = terminal
  const flags = clusterWideFlags(options)
  const wrong = faultOf(name, options)
  if (wrong !== undefined) {
    error(`${wrong}\n`)
    return exit(2)
  }
  if (options.dryRun === true) return out(machineText(options.output, listOf(hubObjects(name))))
  const hub = readHubAddress(call, flags, options.server)
  if (hub.kind !== 'found') return exit(reportFault(hub, terminal))
  const release = readRelease(call, flags, options.release)
  const place = findPlace(call, name, { flags, release })
  if (place.kind !== 'found') return exit(reportFault(place, terminal, rightsToJoin))
  const token = makePlace(call, name, { ...options, flags, clients: place.value })
  if (token.kind !== 'found') return exit(reportFault(token, terminal, rightsToJoin))
  out(machineText(options.output, credentialManifest(name, hub.value, token.value, options.spokeNamespace)))
  error(
    `${namespaceOfCluster(name)} is ready. Apply the Secret in the other cluster, then install the operator there:\n\n`,
  )
  error(`${helmCommand(name, options.spokeNamespace, issuerOf(release))}\n`)
}

/** @returns its settings; undefined where they cannot be read */
function readRelease(call: CallKubectl, flags: ClusterFlags, release: string): OperatorSettingsFile | undefined {
  const found = readOperatorSettings(call, flags, [release])
  return found.kind === 'found' ? found.value[0] : undefined
}

const issuerOf = (release: OperatorSettingsFile | undefined): string | undefined =>
  typeof release?.['issuer'] === 'string' ? release['issuer'] : undefined

/** Looks whether the cluster may join here.
 *  @returns the limit of its clients, where its OIDCCluster is there and says one */
function findPlace(
  call: CallKubectl,
  name: string,
  { flags, release }: { readonly flags: ClusterFlags; readonly release: OperatorSettingsFile | undefined },
): ClusterAnswer<number | undefined> {
  if (release?.['mode'] === 'spoke')
    return refused('this cluster has joined another one itself; run this in the cluster of the issuer, with --context')
  const there = findCluster(call, name, flags)
  if (there.kind !== 'found') return there
  if (there.value) return { kind: 'found', value: there.value.spec.limits?.clients }
  const namespace = findNamespace(call, namespaceOfCluster(name), flags)
  if (namespace.kind !== 'found') return namespace
  if (namespace.value === undefined) return { kind: 'found', value: undefined }
  // whoever made it may have rights there, or a token of an account
  return refused(
    `namespace ${namespaceOfCluster(name)} is there, and no OIDCCluster ${name}; delete the namespace, or choose another name`,
  )
}

const refused = (message: string): ClusterFault => ({ kind: 'failed', message })

/** @returns a token for the account of the cluster */
function makePlace(
  call: CallKubectl,
  name: string,
  about: Pick<JoinOptions, 'takeOver' | 'tokenLifetime'> & {
    readonly flags: ClusterFlags
    readonly clients: number | undefined
  },
): ClusterAnswer<string> {
  const where = flagsOf({ ...about.flags, namespace: namespaceOfCluster(name) })
  const all = flagsOf(about.flags)
  const apply = [
    'apply',
    '--server-side',
    '--force-conflicts',
    '--field-manager',
    'kubectl-nauthera',
    '--filename',
    '-',
  ]
  const steps: readonly (readonly [args: readonly string[], input?: string])[] = [
    // a token is of one account: those of the account before end with it
    ...(about.takeOver === true
      ? [[['delete', 'serviceaccount', spokeName, '--ignore-not-found', ...where]] as const]
      : []),
    [[...apply, ...all], JSON.stringify(listOf(hubObjects(name, about.clients)))],
    ...(about.takeOver === true
      ? [
          [
            ['patch', 'lease', spokeName, '--type', 'merge', '--patch', '{"spec":{"holderIdentity":null}}', ...where],
          ] as const,
        ]
      : []),
  ]
  for (const [args, input] of steps) {
    const done = requestKubectl(call, args, input)
    if (done.kind !== 'found') return done
  }
  const token = requestKubectl(call, ['create', 'token', spokeName, '--duration', about.tokenLifetime, ...where])
  return token.kind === 'found' ? { kind: 'found', value: token.value.trim() } : token
}

const listOf = (items: readonly object[]) => ({ apiVersion: 'v1', kind: 'List', items })

function faultOf(name: string, { tokenLifetime }: JoinOptions): string | undefined {
  if (name.length > maxClusterName || !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name))
    return `${name}: must be at most ${maxClusterName} small letters, digits and dashes, such as berlin`
  const lifetimeMs = durationMs(tokenLifetime)
  return lifetimeMs === undefined || lifetimeMs < shortestLifetimeMs
    ? '--token-lifetime: must be a time of at least 12h, such as 168h'
    : undefined
}
