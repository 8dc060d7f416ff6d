// Says why something of the cluster could not be read, and which rights it needs.
import { clientKind } from '../cluster.ts'
import type { ClusterFault } from '../cluster.ts'
import type { ExitCode, PluginTerminal } from '../terminal.ts'

/** @param rights what the command needs
 *  @returns the exit code */
export function reportFault(
  { kind, message }: ClusterFault,
  { error }: Pick<PluginTerminal, 'error'>,
  rights = `to get and list ${clientKind} there`,
): ExitCode {
  const more =
    kind === 'forbidden' ? `\nThis command needs the right ${rights}. kubectl nauthera doctor tells how to get it.` : ''
  error(`${message}${more}\n`)
  return 2
}

/** For a command about a cluster that has not joined. */
export const noCluster = (name: string): string => `no OIDCCluster ${name} is here; see kubectl nauthera cluster list\n`
