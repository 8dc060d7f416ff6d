// nauthera: the command line of an administrator. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings.
import { Command, CommanderError, Option } from 'commander'
import { hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import { errorCatalogue, isErrorCode } from '../errors.ts'
import { addAuditCommands } from './audit.ts'
import { addBackupCommands } from './backup/backup.ts'
import { addRestoreCommand } from './backup/restore.ts'
import { addCompletionCommand } from './completion.ts'
import { addConsentCommands } from './people/consents.ts'
import { addDoctorCommand } from './doctor/doctor.ts'
import { addGroupCommands } from './people/groups.ts'
import { addKeyCommands } from './keys.ts'
import { addLoginLinkCommand } from './people/login-link.ts'
import { addMigrateCommands } from './migrate.ts'
import { outputFormats } from './terminal/output.ts'
import type { OutputFormat } from './terminal/output.ts'
import type { CommandSession } from './terminal/session.ts'
import { addSettingsCommands } from './settings.ts'
import type { Terminal } from './terminal/terminal.ts'
import { addUserCommands } from './people/users.ts'

const defaultSettings = '/etc/nauthera/server.yaml'

interface Call {
  /** Without the name of the program. */
  readonly arguments: readonly string[]
  readonly terminal: Terminal
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly version: string
  /** The operating system's name of who runs it. */
  readonly by: string
}

/** @returns the exit code */
export async function runCommand(call: Call): Promise<number> {
  let exitCode = 0
  const program = createProgram(call, (code) => (exitCode = code))
  try {
    await program.parseAsync([...call.arguments], { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, call.terminal)
  }
}

/** Every command.
 *  @param setExitCode for a command that succeeds with work left */
export function createProgram(call: Omit<Call, 'arguments'>, setExitCode: (code: number) => void): Command {
  const { terminal, environment, by } = call
  const program = new Command('nauthera')
    .description('Manages a Nauthera server through its database.')
    .version(call.version)
    .option(
      '--settings <file>',
      'settings file of the server (or set NAUTHERA_SETTINGS)',
      environment['NAUTHERA_SETTINGS'] ?? defaultSettings,
    )
    .addOption(new Option('-o, --output <format>', 'format of the answer').choices(outputFormats).default('table'))
    .option('--reason <text>', 'why it is done, for the audit log: a ticket, or a sentence')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .showHelpAfterError('(--help shows how it is used)')
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings.

Examples:
  nauthera migrate up
  nauthera users add alice --email alice@example.com --generate
  nauthera users list -o json`,
    )
  const options = () => program.opts<{ settings: string; output: OutputFormat; reason?: string }>()
  const session: CommandSession = {
    terminal,
    environment,
    by,
    reason: () => options().reason,
    settingsFile: () => options().settings,
    outputFormat: () => options().output,
  }
  addUserCommands(program, session, setExitCode)
  addGroupCommands(program, session)
  addConsentCommands(program, session)
  addLoginLinkCommand(program, session)
  addAuditCommands(program, session)
  addKeyCommands(program, session, setExitCode)
  addMigrateCommands(program, session, setExitCode)
  addBackupCommands(program, session, call.version)
  addRestoreCommand(program, session)
  addSettingsCommands(program, session)
  addDoctorCommand(program, session, setExitCode)
  addCompletionCommand(program, terminal)
  for (const command of every(program)) shareOptions(command, program)
  return program
}

/** Accepts `--settings`, `-o` and `--reason` before and after the command. */
function shareOptions(command: Command, program: Command): void {
  if (command === program || command.commands.length > 0) return
  for (const option of program.options.filter(({ long }) => long !== '--version')) {
    const copy = new Option(option.flags, option.description)
    if (option.argChoices !== undefined) copy.choices([...option.argChoices])
    command.addOption(copy)
    command.on(`option:${option.name()}`, (value: string) => program.setOptionValue(option.attributeName(), value))
  }
}

const every = (command: Command): Command[] => [command, ...command.commands.flatMap(every)]

function report(error: unknown, { stderr }: Terminal): number {
  // commander has printed its message; help and version are no faults
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (!hasCode(error)) {
    stderr.write(`nauthera: ${describeError(error)}\n`)
    return 1
  }
  if (error.faults.length === 0) stderr.write(`nauthera: ${error.message}\n${remedyOf(error.code)}`)
  else
    stderr.write(
      `nauthera: ${error.code}\n${error.faults.map((fault) => `  ${fault.path}: ${fault.message}\n`).join('')}`,
    )
  return hasCode(error, 'SETTINGS_INVALID', 'USAGE_INVALID') ? 2 : 1
}

/** The remedy in docs/errors.md; faults of settings and usage explain themselves. */
function remedyOf(code: string): string {
  return isErrorCode(code) ? `What to do: ${errorCatalogue[code].remedy}\n` : ''
}
