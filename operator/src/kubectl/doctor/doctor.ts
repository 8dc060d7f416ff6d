// The command `doctor`: whether this cluster has what clients need, and which rights the caller lacks.
import type { Command } from 'commander'
import { clientDefinition, policyDefinition } from '../../api/crds.ts'
import { requestKubectl, flagsOf, readObject, readObjects } from '../cluster.ts'
import type { CallKubectl, ClusterAnswer, ClusterFlags } from '../cluster.ts'
import { clusterFlags, clusterWideFlags, machineText, outputOption, textTable, withClusterFlags } from '../terminal.ts'
import type { MachineFormat, PluginSession } from '../terminal.ts'
import { checkDefinition, checkLeader, checkPods } from './checks.ts'
import type { DoctorCheck } from './checks.ts'
import { checkRights, neededRights } from './rights.ts'

export function addDoctorCommand(program: Command, session: PluginSession): void {
  withClusterFlags(program.command('doctor'))
    .description(
      'Says what is missing, and what to type: the definitions of this version, an operator that leads, servers, and your own rights in the namespace. The exit code is 1 when something is missing.',
    )
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera doctor -n monitoring')
    .action((options: ClusterFlags & { readonly output?: MachineFormat }) => {
      const { terminal, exit } = session
      const checks = examine(terminal.kubectl, clusterFlags(options), terminal.now())
      terminal.out(options.output ? machineText(options.output, checks) : checksText(checks))
      if (checks.some(({ state }) => state === 'unreachable')) return exit(2)
      if (checks.some(({ state }) => state === 'missing')) exit(1)
    })
}

function examine(call: CallKubectl, flags: ClusterFlags, now: number): readonly DoctorCheck[] {
  const where = clusterWideFlags(flags)
  const reached = requestKubectl(call, ['version', '--output', 'json', ...flagsOf(where)])
  if (reached.kind !== 'found')
    return [{ what: 'cluster', state: 'unreachable', text: reached.message, cure: 'kubectl cluster-info' }]
  const deployments = (component: string): ClusterAnswer<readonly Readonly<Record<string, unknown>>[]> => {
    const selector = `app.kubernetes.io/name=nauthera,app.kubernetes.io/component=${component}`
    return readObjects(call, ['deployments', '--all-namespaces', '--selector', selector, ...flagsOf(where)])
  }
  const operators = deployments('operator')
  return [
    ...[clientDefinition, policyDefinition].map((ours) =>
      checkDefinition(ours, readObject(call, ['customresourcedefinition', ours.metadata.name, ...flagsOf(where)])),
    ),
    ...checkPods('operator', operators),
    ...(operators.kind === 'found' ? operators.value : []).map((operator) =>
      checkLeader(
        operator,
        ({ name, namespace: at }) => readObject(call, ['lease', name, ...flagsOf({ ...where, namespace: at })]),
        now,
      ),
    ),
    ...checkPods('server', deployments('server')),
    ...rightsOf(call, flags),
  ]
}

function rightsOf(call: CallKubectl, flags: ClusterFlags): readonly DoctorCheck[] {
  const { namespace: asked, ...where } = flags
  const whoami = requestKubectl(call, [
    'auth',
    'whoami',
    '--output',
    'jsonpath={.status.userInfo.username}',
    ...flagsOf(where),
  ])
  const current = requestKubectl(call, [
    'config',
    'view',
    '--minify',
    '--output',
    'jsonpath={..namespace}',
    ...flagsOf(where),
  ])
  const namespace = asked ?? ((current.kind === 'found' && current.value) || 'default')
  const answers = neededRights.map((right) => {
    const scope = right.where === 'cluster' ? ['--all-namespaces'] : ['--namespace', namespace]
    const answer = call(['auth', 'can-i', right.verb, right.resource, ...scope, ...flagsOf(where)])
    return { right, isAllowed: answer.code === 0 || (answer.stdout.startsWith('no') ? false : undefined) }
  })
  return checkRights(answers, { namespace, who: whoami.kind === 'found' ? whoami.value : undefined })
}

const stateText = { ok: 'ok', missing: 'MISSING', unknown: 'not seen', unreachable: 'FAILED' } as const

function checksText(checks: readonly DoctorCheck[]): string {
  const rows = textTable(checks.map(({ what, state, text }) => [what, stateText[state], text])).split('\n')
  const cures = checks.map(({ cure }) => cure?.split('\n') ?? [])
  return rows.flatMap((row, index) => [row, ...(cures[index] ?? []).map((cure) => `   -> ${cure}`)]).join('\n')
}
