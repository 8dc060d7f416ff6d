// The command `policy test`: reads clients, policies and namespaces of the cluster, and says what other policies would do to them.
import type { Command } from 'commander'
import { tenantOf } from '@nauthera/rules/tenants'
import { fieldsOf } from '@nauthera/runtime/json'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../api/oidc-policy.ts'
import { clientIdOf, keyOf } from '../../decide/client/client-names.ts'
import { isPolicySpec } from '../../decide/client/check-spec.ts'
import { labelsForPolicies, policiesFor } from '../../decide/client/policies.ts'
import { createClientIndex } from '../../intake/client-index.ts'
import { createAsSeen } from '../../intake/mirrors.ts'
import { reportFault } from '../clients/report-fault.ts'
import { flagsOf, readClients, readClusters, readObjects, readPolicies } from '../cluster.ts'
import type { CallKubectl, ClusterAnswer, ClusterFlags } from '../cluster.ts'
import { judgeTogether } from '../files/judge-together.ts'
import type { JudgedClient } from '../files/judge-together.ts'
import { collectFaults, ourObjects } from '../files/our-objects.ts'
import { faultText, readYamlFile } from '../files/read-documents.ts'
import { readOperatorSettings } from '../operator-settings.ts'
import { clusterWideFlags, machineText, outputOption, withClusterFlags } from '../terminal.ts'
import type { MachineFormat, PluginSession, PluginTerminal } from '../terminal.ts'
import { effectsText, policyEffects } from './policy-effect.ts'

type PolicyTestOptions = ClusterFlags & {
  readonly filename: readonly string[]
  readonly without: readonly string[]
  readonly release: readonly string[]
  readonly output?: MachineFormat
}

export function addPolicyCommands(program: Command, session: PluginSession): void {
  const policy = program.command('policy').description('Commands about OIDCPolicies.')
  withClusterFlags(policy.command('test'))
    .description(
      'Says what policies would change for every client of the cluster, before they are applied: which clients would break them, when each would be refused, and which values of a client would change. It changes nothing. The exit code is 1 when a client would break one that it does not break now.',
    )
    .option('-f, --filename <file...>', 'YAML files with OIDCPolicies; - reads standard input', [])
    .option('--without <name...>', 'policies that are taken away', [])
    .option('--release <namespace/name...>', 'the releases here; default: those that serve a client', [])
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera policy test -f strict.yaml')
    .action((options: PolicyTestOptions) => testPolicies(options, session))
}

function testPolicies(options: PolicyTestOptions, { terminal, exit }: PluginSession): void {
  const given = readPolicyFiles(options.filename, terminal)
  if (given === undefined) return exit(1)
  if (given.length + options.without.length === 0) {
    terminal.error('name a file with -f, or a policy with --without\n')
    return exit(2)
  }
  const where = clusterWideFlags(options)
  const clients = readClients(terminal.kubectl, { ...where, allNamespaces: true })
  const rights = 'to list oidcclients and oidcpolicies.auth.nauthera.io in all namespaces'
  if (clients.kind !== 'found') return exit(reportFault(clients, terminal, rights))
  const there = readPolicies(terminal.kubectl, where)
  if (there.kind !== 'found') return exit(reportFault(there, terminal, rights))
  const policies = there.value
  const names = [...given.map(({ metadata }) => metadata.name), ...options.without]
  const kept = policies.filter(({ metadata }) => !names.includes(metadata.name))
  const labels = readLabels(terminal.kubectl, where)
  const clusters = clients.value.some(isOfCluster) ? readClusters(terminal.kubectl, where) : noClusters
  const serving = clients.value.flatMap(({ status }) => status?.servedBy ?? [])
  const releases = options.release.length > 0 ? options.release : serving
  const baselines = readBaselines(terminal.kubectl, where, [...new Set(releases)])
  const judge = (among: readonly OIDCPolicy[]) =>
    judgeCluster(clients.value, { policies: among, labels, clusters, baselines, now: terminal.now() })
  const effects = policyEffects(judge(policies), judge([...kept, ...given]), terminal.now())
  const notes = [
    ...(labels.kind === 'found'
      ? []
      : ['you may not list namespaces: a policy that selects by their labels counts as one that holds']),
    ...(clusters.kind === 'found'
      ? []
      : [
          'you may not list oidcclusters: labels that joined clusters tell count as not trusted, and clients as not moved',
        ]),
    ...(baselines.kind === 'found'
      ? []
      : [`the operators' settings could not be read (${baselines.message}): the policy in them counts as empty`]),
    ...(clients.value.some(({ spec }) => spec.redirectURIsFrom)
      ? ['hosts of redirectURIsFrom are not judged here: only one that no policy lists any more is left out']
      : []),
  ]
  terminal.out(
    options.output
      ? machineText(options.output, { clients: clients.value.length, effects, notes })
      : effectsText(effects, { clients: clients.value.length, notes }),
  )
  if (effects.some(({ breaks }) => breaks.length > 0)) exit(1)
}

/** @returns undefined when a file is at fault, which has been said */
function readPolicyFiles(files: readonly string[], terminal: PluginTerminal): readonly OIDCPolicy[] | undefined {
  const read = files.map((file) => readYamlFile(file, terminal))
  const { faults, locate } = collectFaults()
  const { policies } = ourObjects(
    read.flatMap(({ objects }) => objects),
    locate,
  )
  const all = [...read.flatMap((one) => one.faults), ...faults]
  if (all.length === 0 && files.length > 0 && policies.length === 0)
    all.push({ file: files[0]!, line: 1, path: '', message: 'has no OIDCPolicy in it' })
  for (const fault of all) terminal.error(`${faultText(fault)}\n`)
  return all.length > 0 ? undefined : policies.map(({ object }) => ({ ...object, spec: object.spec ?? {} }))
}

/** A mirror, or one that may have come from a joined cluster: it keeps an id that begins with the name of that cluster. */
const isOfCluster = ({ metadata, spec }: OIDCClient): boolean =>
  tenantOf(metadata).cluster !== undefined || spec.clientId?.includes('_') === true
const noClusters: ClusterAnswer<readonly OIDCCluster[]> = { kind: 'found', value: [] }

type LabelsByNamespace = ClusterAnswer<ReadonlyMap<string, Readonly<Record<string, string>>>>

function readLabels(call: CallKubectl, where: ClusterFlags): LabelsByNamespace {
  const found = readObjects(call, ['namespaces', ...flagsOf(where)])
  if (found.kind !== 'found') return found
  const pairs = found.value.map(({ metadata }) => {
    const { name, labels } = fieldsOf(metadata)
    const texts = Object.entries(fieldsOf(labels)).map(([label, value]) => [label, String(value)] as const)
    return [String(name), Object.fromEntries(texts)] as const
  })
  return { kind: 'found', value: new Map(pairs) }
}

/** The policy in the settings of a release. */
interface Baseline {
  readonly release: string
  readonly serverName: string
  readonly policy: OIDCPolicySpec
}

function readBaselines(
  call: CallKubectl,
  where: ClusterFlags,
  releases: readonly string[],
): ClusterAnswer<readonly Baseline[]> {
  if (releases.length === 0)
    return { kind: 'absent', message: 'no release serves a client yet; name one with --release' }
  const found = readOperatorSettings(call, where, releases)
  if (found.kind !== 'found') return found
  const value = found.value.flatMap(({ serverName, policy = {} }, n) =>
    isPolicySpec(policy)
      ? [{ release: releases[n]!, serverName: typeof serverName === 'string' ? serverName : 'default', policy }]
      : [],
  )
  return { kind: 'found', value }
}

/** @returns that of the release that serves the client; of a client that none serves yet, that of the only release for it */
function baselineOf({ spec, status }: OIDCClient, baselines: readonly Baseline[]): OIDCPolicySpec {
  const serving = baselines.find(({ release }) => release === status?.servedBy)
  if (serving !== undefined) return serving.policy
  const [one, ...others] = baselines.filter(({ serverName }) => serverName === (spec.serverName ?? 'default'))
  return one !== undefined && others.length === 0 ? one.policy : {}
}

function judgeCluster(
  clients: readonly OIDCClient[],
  about: {
    readonly policies: readonly OIDCPolicy[]
    readonly labels: LabelsByNamespace
    readonly clusters: ClusterAnswer<readonly OIDCCluster[]>
    readonly baselines: ReturnType<typeof readBaselines>
    readonly now: number
  },
): readonly JudgedClient[] {
  const labelsOf = (namespace: string) =>
    about.labels.kind === 'found' ? about.labels.value.get(namespace) : undefined
  // whoever may not read them asks what would be if each policy applied
  const otherwise = ({ metadata }: OIDCClient) =>
    about.labels.kind === 'found' || tenantOf(metadata).cluster !== undefined ? undefined : 'any'
  const clusters = about.clusters.kind === 'found' ? about.clusters.value : []
  const findCluster = (name: string) => clusters.find(({ metadata }) => metadata.name === name)
  const serverNameOf = ({ spec }: OIDCClient): string => spec.serverName ?? 'default'
  const seen = clients.map(createAsSeen(findCluster, () => clusters))
  const judged = [...Map.groupBy(seen, serverNameOf).values()].flatMap((together) => {
    const index = createClientIndex()
    for (const one of together) index.set(keyOf(one), one)
    const hasPlace = (key: string): boolean => isServed(index.find(key)!)
    const served = new Map(together.filter(isServed).flatMap((one) => namesOf(one).map((name) => [name, keyOf(one)])))
    return judgeTogether(together, {
      policiesOf: (client) =>
        policiesFor(client, {
          baseline: about.baselines.kind === 'found' ? baselineOf(client, about.baselines.value) : {},
          policies: about.policies,
          namespaceLabels: labelsForPolicies(client, { namespaceLabels: labelsOf, findCluster }) ?? otherwise(client),
        }),
      holderOf: (name) => served.get(name),
      isServed,
      isFull: (client, limit) => index.isTenantFull(client, limit, hasPlace),
      labelsOf,
      now: about.now,
    })
  })
  return judged.toSorted((one, other) => (keyOf(one.client) < keyOf(other.client) ? -1 : 1))
}

const isServed = ({ status }: OIDCClient): boolean => (status?.replicas?.loaded ?? 0) > 0

/** What it is served under, as far as the object tells. */
const namesOf = (client: OIDCClient): readonly string[] => [
  client.status?.clientId ?? clientIdOf(client),
  ...(client.spec.resourceServer ? [client.spec.resourceServer.identifier] : []),
]
