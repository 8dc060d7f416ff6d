// The commands `cluster join|leave|list|move`: which clusters the issuer of this one serves.
import type { Command } from 'commander'
import type { PluginSession } from '../terminal.ts'
import { addJoinCommand } from './join.ts'
import { addLeaveCommand } from './leave.ts'
import { addMoveCommand } from './move.ts'
import { addClusterListCommand } from './list-clusters.ts'

export function addClusterCommands(program: Command, session: PluginSession): void {
  const cluster = program
    .command('cluster')
    .description('Commands about other clusters whose OIDCClients the issuer of this one serves.')
  addJoinCommand(cluster, session)
  addLeaveCommand(cluster, session)
  addMoveCommand(cluster, session)
  addClusterListCommand(cluster, session)
}
