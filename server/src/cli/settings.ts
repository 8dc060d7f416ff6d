// nauthera settings: checks the settings file.
import type { Command } from 'commander'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'
import { databaseConnection } from '../store/driver/connection.ts'
import { loadKeyRing } from '../store/driver/envelope.ts'
import { printHint, settingsOf } from './terminal/session.ts'
import type { CommandSession } from './terminal/session.ts'

export function addSettingsCommands(program: Command, session: CommandSession): void {
  const settings = program.command('settings').description('check the settings of the server')

  settings
    .command('check')
    .description('list each fault with its path; exit code 2 when there is one')
    .argument('[file]', 'YAML file; default: that of --settings')
    .option('--no-files', 'do not read the files that the settings name, such as secrets that a pipeline does not have')
    .addHelpText('after', '\nExample:\n  nauthera settings check deploy/server.yaml --no-files')
    .action((file: string | undefined, options: { files: boolean }) => {
      const path = file ?? session.settingsFile()
      const checked = settingsOf(session, path)
      const faults = options.files
        ? [
            ...faultsOf(() => databaseConnection(checked.database).password()),
            ...faultsOf(() => loadKeyRing(checked.keysDirectory)),
          ]
        : []
      if (faults.length > 0) throw new CodedError('SETTINGS_INVALID', { faults })
      printHint(session, `${path}: no fault found`)
    })
}

function faultsOf(read: () => unknown): readonly Fault[] {
  try {
    read()
    return []
  } catch (error) {
    if (hasCode(error, 'SETTINGS_INVALID', 'KEY_RING_INVALID')) return error.faults
    throw error
  }
}
