// The commands `suspend` and `resume`: stop a client, and let it go on.
import type { Command } from 'commander'
import { findCondition } from '../../api/conditions.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { readClient } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { clusterFlags, withClusterFlags } from '../terminal.ts'
import type { PluginSession } from '../terminal.ts'
import { followClient, keptInGit, patchClient, rightsToPatch } from './follow-client.ts'
import type { ClientStage } from './follow-client.ts'
import { reportFault } from './report-fault.ts'

const words = {
  suspend: {
    suspended: true,
    description: 'Stops sign-ins and tokens of a client. It keeps its id and its secret. It sets spec.suspended.',
    done: 'no server lets it in any more',
    wait: 'until every server has it; it does so unless --no-wait is set',
    timeout: 'how long it waits. After that it names the servers that may still let it in, and ends with 1',
    waits: true,
    flags: '',
  },
  resume: {
    suspended: false,
    description: 'Lets a suspended client go on.',
    done: 'it is live on every replica',
    wait: 'until every server has it',
    timeout: 'how long --wait waits',
    waits: false,
    flags: ' --wait',
  },
} as const

type SuspendOptions = ClusterFlags & { readonly wait?: boolean; readonly timeout: string }

export function addSuspendCommands(program: Command, session: PluginSession): void {
  for (const verb of ['suspend', 'resume'] as const)
    withClusterFlags(program.command(verb))
      .description(words[verb].description)
      .argument('<name>', 'the OIDCClient')
      .option('--wait', words[verb].wait)
      .option('--no-wait', 'do not wait')
      .option('--timeout <duration>', words[verb].timeout, '1m')
      .addHelpText('after', `\nExample:\n  kubectl nauthera ${verb} grafana -n monitoring${words[verb].flags}`)
      .action(async (name: string, options: SuspendOptions) => {
        await change(verb, name, options, session)
      })
}

async function change(
  verb: keyof typeof words,
  name: string,
  options: SuspendOptions,
  session: PluginSession,
): Promise<void> {
  const { terminal, exit } = session
  const flags = clusterFlags(options)
  const { suspended, done, waits } = words[verb]
  const patched = patchClient(terminal, name, { spec: { suspended } }, flags)
  if (patched.kind !== 'found') return exit(reportFault(patched, terminal, rightsToPatch))
  const found = readClient(terminal.kubectl, name, flags)
  const hint = found.kind === 'found' ? keptInGit(found.value) : undefined
  if (hint !== undefined) terminal.error(`${hint}\n`)
  if (!(options.wait ?? waits)) return terminal.out(`${name}: spec.suspended is ${suspended}\n`)
  const stageOf = (client: OIDCClient) => stageOfStop(client, suspended, `${name}: ${done}`)
  exit(await followClient(session, { name, flags, timeout: options.timeout, stageOf }))
}

function stageOfStop({ metadata, status }: OIDCClient, suspended: boolean, done: string): ClientStage {
  if ((status?.observedGeneration ?? 0) < metadata.generation)
    return { kind: 'waiting', text: 'the operator has not seen it yet' }
  const [active, ready] = [findCondition(status, 'Active'), findCondition(status, 'Ready')]
  if (suspended)
    return active?.status === 'False'
      ? { kind: 'done', text: done }
      : { kind: 'waiting', text: active?.message ?? 'the servers are told' }
  return active?.status === 'True' && ready?.status === 'True'
    ? { kind: 'done', text: done }
    : { kind: 'waiting', text: (active?.status === 'True' ? ready : active)?.message ?? 'the servers are told' }
}
