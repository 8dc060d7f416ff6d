// Changes a client, and follows what the operator makes of it.
import type { OIDCClient } from '../../api/oidc-client.ts'
import { durationMs } from '../../api/duration.ts'
import { requestKubectl, clientKind, flagsOf, readClient } from '../cluster.ts'
import type { ClusterAnswer, ClusterFlags } from '../cluster.ts'
import type { ExitCode, PluginSession, PluginTerminal } from '../terminal.ts'
import { reportFault } from './report-fault.ts'

/** How far a change has come. */
export type ClientStage =
  { readonly kind: 'waiting'; readonly text: string } | { readonly kind: 'done'; readonly text: string }

/** A merge patch, which needs no right but that to patch the OIDCClient. */
export function patchClient(
  terminal: Pick<PluginTerminal, 'kubectl'>,
  name: string,
  patch: object,
  flags: ClusterFlags,
): ClusterAnswer<string> {
  const what = [clientKind, name, '--type', 'merge', '--patch', JSON.stringify(patch)]
  return requestKubectl(terminal.kubectl, ['patch', ...what, '--output', 'name', ...flagsOf(flags)])
}

export const rightsToPatch = 'to get and patch oidcclients.auth.nauthera.io there'

/** Milliseconds between two looks. */
const lookEveryMs = 1_000

/** Prints each new stage with the seconds that have passed, until the last one.
 *  @param about.timeout such as `5m` */
export async function followClient(
  { terminal }: PluginSession,
  about: {
    readonly name: string
    readonly flags: ClusterFlags
    readonly timeout: string
    readonly stageOf: (client: OIDCClient) => ClientStage
  },
): Promise<ExitCode> {
  const timeoutMs = durationMs(about.timeout)
  if (timeoutMs === undefined) {
    terminal.error('--timeout: must be a time such as 90s or 5m\n')
    return 2
  }
  const begun = terminal.now()
  let told = ''
  for (;;) {
    const found = readClient(terminal.kubectl, about.name, about.flags)
    if (found.kind !== 'found') return reportFault(found, terminal, rightsToPatch)
    const { kind, text } = about.stageOf(found.value)
    const passedMs = terminal.now() - begun
    if (kind === 'done') {
      terminal.out(`${text}\n`)
      return 0
    }
    if (text !== told) terminal.error(`${String(Math.round(passedMs / 1000)).padStart(4)} s  ${text}\n`)
    told = text
    if (passedMs >= timeoutMs) {
      terminal.error(`not through after ${about.timeout}; it goes on without you. kubectl nauthera why ${about.name}\n`)
      return 1
    }
    await terminal.pause(lookEveryMs)
  }
}

/** @returns a hint where a program keeps the object as it is in Git, and would undo the change of a field */
export function keptInGit({ metadata }: OIDCClient): string | undefined {
  const keys = [...Object.keys(metadata.labels ?? {}), ...Object.keys(metadata.annotations ?? {})]
  const keeper = keepers.find(([mark]) => keys.some((key) => key.startsWith(mark)))?.[1]
  return keeper && `${keeper} keeps this object as it is in Git, and may set the field back: change it there too`
}

const keepers: readonly [mark: string, keeper: string][] = [
  ['argocd.argoproj.io/', 'Argo CD'],
  ['kustomize.toolkit.fluxcd.io/', 'Flux'],
  ['helm.toolkit.fluxcd.io/', 'Flux'],
]
