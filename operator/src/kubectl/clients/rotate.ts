// The command `rotate`: asks for a new client secret, and follows it until programs have it.
import type { Command } from 'commander'
import { annotations } from '@nauthera/proto/names'
import { findCondition } from '../../api/conditions.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { meaningOf } from '@nauthera/rules/client-types'
import { listsSecrets } from '../../decide/secret/listed-secrets.ts'
import { readClient } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { clusterFlags, withClusterFlags } from '../terminal.ts'
import type { PluginSession } from '../terminal.ts'
import { followClient, keptInGit, patchClient, rightsToPatch } from './follow-client.ts'
import type { ClientStage } from './follow-client.ts'
import { reportFault } from './report-fault.ts'

type RotateOptions = ClusterFlags & {
  readonly revokePrevious?: boolean
  readonly wait?: boolean
  readonly timeout: string
}

export function addRotateCommand(program: Command, session: PluginSession): void {
  withClusterFlags(program.command('rotate'))
    .description(
      'Asks for a new client secret now. The old one stays valid for the overlap, so that programs can change over. It sets the annotation auth.nauthera.io/rotate.',
    )
    .argument('<name>', 'the OIDCClient')
    .option(
      '--revoke-previous',
      'after a leak: end every older secret as soon as the new one is in the Secret. It sets spec.rotation.revokePrevious',
    )
    .option(
      '--wait',
      'follow it until the new secret is in the Secret. With --revoke-previous it always does, until every server refuses the older ones',
    )
    .option('--no-wait', 'with --revoke-previous: do not wait')
    .option(
      '--timeout <duration>',
      'how long it waits. After that it names the servers that accept an older one, and ends with 1',
      '5m',
    )
    .addHelpText('after', '\nExample:\n  kubectl nauthera rotate grafana -n monitoring --wait')
    .action(async (name: string, options: RotateOptions) => {
      await rotate(name, options, session)
    })
}

async function rotate(name: string, options: RotateOptions, session: PluginSession): Promise<void> {
  const { terminal, exit } = session
  const flags = clusterFlags(options)
  const found = readClient(terminal.kubectl, name, flags)
  if (found.kind !== 'found') return exit(reportFault(found, terminal, rightsToPatch))
  const why = whyNot(found.value)
  if (why !== undefined) {
    terminal.error(`${why}\n`)
    return exit(1)
  }
  const mark = new Date(terminal.now()).toISOString()
  const revokes = options.revokePrevious === true
  const patched = patchClient(
    terminal,
    name,
    {
      metadata: { annotations: { [annotations.rotate]: mark } },
      ...(revokes ? { spec: { rotation: { revokePrevious: mark } } } : {}),
    },
    flags,
  )
  if (patched.kind !== 'found') return exit(reportFault(patched, terminal, rightsToPatch))
  const hint = revokes ? keptInGit(found.value) : undefined
  if (hint !== undefined) terminal.error(`${hint}\n`)
  if (!(options.wait ?? revokes))
    return terminal.out(`asked for. To see how it goes: kubectl nauthera why ${name}, or rotate with --wait\n`)
  const stageOf = (client: OIDCClient) => stageOfRotation(client, { mark, revokes })
  exit(await followClient(session, { name, flags, timeout: options.timeout, stageOf }))
}

/** @returns why there is nothing to rotate */
function whyNot({ spec, status, metadata }: OIDCClient): string | undefined {
  if (listsSecrets({ spec }))
    return `${metadata.name} lists its secrets itself: make another one with kubectl nauthera secret new, list it first in spec.secret.verifiers, and give the old one a notAfter there`
  const own = spec.secret?.existingSecretRef
  if (own !== undefined)
    return `${metadata.name} has a client secret of your own: write another value into key ${own.key} of Secret ${own.name}`
  if (status?.secret?.activeId !== undefined) return undefined
  const { method = meaningOf(spec.type).method } = spec.auth ?? {}
  return method.startsWith('client_secret')
    ? `${metadata.name} has no client secret yet: there is nothing to rotate (kubectl nauthera why ${metadata.name})`
    : `${metadata.name} is a client without a secret (${spec.type}, auth.method ${method}): there is nothing to rotate`
}

/** @param asked.mark what the annotation was set to */
function stageOfRotation(
  { status }: OIDCClient,
  { mark, revokes }: { readonly mark: string; readonly revokes: boolean },
): ClientStage {
  const { name, activeId, observedAnnotation, observedRevoke, previous = [] } = status?.secret ?? {}
  if (observedAnnotation !== mark) return { kind: 'waiting', text: waitingText(status) }
  const published = `the new secret ${activeId} is in Secret ${name}`
  if (revokes && (observedRevoke !== mark || previous.length > 0))
    return { kind: 'waiting', text: `${published}; ${whoAccepts(status)}` }
  if (previous.length === 0) return { kind: 'done', text: `${published}; every server refuses the older ones` }
  const olds = previous.map(({ id, expiresAt }) => `${id}${expiresAt === undefined ? '' : ` until ${expiresAt}`}`)
  return { kind: 'done', text: `${published}; the previous one still works: ${olds.join(', ')}` }
}

function whoAccepts(status: OIDCClient['status']): string {
  const rotation = findCondition(status, 'RotationHealthy')
  return rotation?.reason === 'Retiring' || rotation?.status === 'False'
    ? rotation.message
    : 'not every server refuses the older ones yet'
}

function waitingText(status: OIDCClient['status']): string {
  const rotation = findCondition(status, 'RotationHealthy')
  const propagated = findCondition(status, 'Propagated')
  if (rotation?.reason === 'Waiting' || rotation?.status === 'False') return rotation.message
  const servers = propagated?.status === 'True' || propagated === undefined ? '' : `: ${propagated.message}`
  return `asked for; the servers learn the new secret before the Secret has it${servers}`
}
