// The command line of kubectl-nauthera: kubectl finds it as `kubectl nauthera`.
import { Command, CommanderError } from 'commander'
import { addListCommand } from './clients/list.ts'
import { addRotateCommand } from './clients/rotate.ts'
import { addSecretCommand } from './clients/secret.ts'
import { addSuspendCommands } from './clients/suspend.ts'
import { addWhyCommand } from './clients/why.ts'
import { addClusterCommands } from './clusters/clusters.ts'
import { addDoctorCommand } from './doctor/doctor.ts'
import { addVersionCommand } from './doctor/version.ts'
import { addRenderCommand } from './files/render-command.ts'
import { addImportCommand } from './import/import.ts'
import { completionText } from './complete.ts'
import { addPolicyCommands } from './policy/policy-test.ts'
import { addTailCommand } from './tail/tail.ts'
import { printable } from './terminal.ts'
import type { ExitCode, PluginSession, PluginTerminal } from './terminal.ts'

/** Runs the command line. @returns the exit code */
export async function runCommand(args: readonly string[], raw: PluginTerminal): Promise<ExitCode> {
  let code: ExitCode = 0
  const terminal: PluginTerminal = {
    ...raw,
    out: (text) => raw.out(printable(text)),
    error: (text) => raw.error(printable(text)),
  }
  const session: PluginSession = { terminal, exit: (next) => (code = next) }
  if (args[0] === '__complete') {
    terminal.out(completionText(createPlugin(session), args.slice(1), terminal.kubectl))
    return 0
  }
  try {
    await createPlugin(session).parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
  return code
}

/** Every command. docs/plugin.md is made from it. */
export function createPlugin(session: PluginSession): Command {
  const { out, error } = session.terminal
  const program = new Command('kubectl-nauthera')
    .description(
      'Tools for people who write OIDCClients. kubectl finds this program when it is in your PATH: kubectl nauthera <command>.',
    )
    .showHelpAfterError('(--help lists commands and options)')
    .addHelpText(
      'after',
      '\nExit codes: 0 all is well, 1 something is wrong with what was looked at, 2 it could not be found out or done.',
    )
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: error })
  addWhyCommand(program, session)
  addListCommand(program, session)
  addRotateCommand(program, session)
  addSecretCommand(program, session)
  addSuspendCommands(program, session)
  addTailCommand(program, session)
  addRenderCommand(program, session)
  addPolicyCommands(program, session)
  addImportCommand(program, session)
  addClusterCommands(program, session)
  addDoctorCommand(program, session)
  addVersionCommand(program, session)
  return program
}
