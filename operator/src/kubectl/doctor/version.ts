// The command `version`: of this program, and of what the cluster has.
import type { Command } from 'commander'
import { clientDefinition } from '../../api/crds.ts'
import { flagsOf, readObject, readObjects } from '../cluster.ts'
import type { CallKubectl, ClusterFlags } from '../cluster.ts'
import { clusterWideFlags, machineText, outputOption, textTable, withClusterFlags } from '../terminal.ts'
import type { MachineFormat, PluginSession } from '../terminal.ts'
import { labelOf, nameOf } from './checks.ts'

export function addVersionCommand(program: Command, { terminal, exit }: PluginSession): void {
  withClusterFlags(program.command('version'))
    .description('Says the version of this program, of the definitions in the cluster, and of each release there.')
    .option('--client', 'only that of this program; asks no cluster')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera version --client')
    .action((options: ClusterFlags & { readonly client?: boolean; readonly output?: MachineFormat }) => {
      const own = { plugin: terminal.version }
      const cluster = options.client ? {} : versionsOf(terminal.kubectl, clusterWideFlags(options))
      const { fault, ...versions } = { fault: undefined, ...own, ...cluster }
      terminal.out(
        options.output ? machineText(options.output, versions) : textTable(Object.entries(versions).map(rowsOf).flat()),
      )
      if (fault === undefined) return
      terminal.error(`${fault}\n`)
      exit(2)
    })
}

const rowsOf = ([what, version]: [string, string | Readonly<Record<string, string>>]): string[][] =>
  typeof version === 'string' ? [[what, version]] : Object.entries(version)

interface ClusterVersions {
  readonly definitions?: string
  /** By Deployment, `namespace/name`. */
  readonly releases?: Readonly<Record<string, string>>
  readonly fault?: string
}

function versionsOf(call: CallKubectl, where: ClusterFlags): ClusterVersions {
  const label = 'app.kubernetes.io/version'
  const definition = readObject(call, ['customresourcedefinition', clientDefinition.metadata.name, ...flagsOf(where)])
  const selector = 'app.kubernetes.io/name=nauthera'
  const found = readObjects(call, ['deployments', '--all-namespaces', '--selector', selector, ...flagsOf(where)])
  const faults = [definition, found].flatMap((one) =>
    one.kind === 'found' || one.kind === 'absent' ? [] : one.message,
  )
  return {
    ...(definition.kind === 'absent' ? { definitions: 'not there' } : {}),
    ...(definition.kind === 'found' ? { definitions: labelOf(definition.value, label) ?? 'not said' } : {}),
    ...(found.kind === 'found'
      ? {
          releases: Object.fromEntries(
            found.value.map((one) => {
              const { namespace, name } = nameOf(one)
              return [`${namespace}/${name}`, labelOf(one, label) ?? 'not said']
            }),
          ),
        }
      : {}),
    ...(faults.length > 0 ? { fault: faults.join('\n') } : {}),
  }
}
