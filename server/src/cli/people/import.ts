// nauthera users import: imports people from a file.
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Option } from 'commander'
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { showHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { deskGroups } from '../../settings/admin.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { createImportBatch } from '../../store/people/import-batch.ts'
import type { ImportedChange } from '../../store/people/import-batch.ts'
import { importPeople } from '../../users/import/import-people.ts'
import type { ImportCounts, ImportRefusal } from '../../users/import/import-people.ts'
import { readDex } from '../../users/import/dex.ts'
import { readJsonLines } from '../../users/import/json-lines.ts'
import { readKeycloak } from '../../users/import/keycloak.ts'
import type { LeaveOut, ReadEntry } from '../../users/import/person-entry.ts'
import { createProgress } from '../terminal/progress.ts'
import { adminEvent, print, printHint, settingsOf, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'

type SetExitCode = (code: number) => void

const formats: Readonly<Record<string, (input: Readable, leaveOut: LeaveOut) => AsyncIterable<ReadEntry>>> = {
  jsonl: readJsonLines,
  keycloak: readKeycloak,
  dex: readDex,
}

export function addImport(users: Command, session: CommandSession, setExitCode: SetExitCode): void {
  users
    .command('import')
    .description(
      'add the people of a file, with their password hashes; people who have an account already stay as they are',
    )
    .argument('<file>', 'the file; - reads standard input')
    .addOption(new Option('--format <format>', 'what the file is').choices(Object.keys(formats)).default('jsonl'))
    .option('--create-groups', 'create the groups that are not there; else their people are refused')
    .option(
      '--allow-help-desk',
      'put people into groups of the help desk (setting admin), and change its people; else they are refused',
    )
    .option('--update', 'change people who are there as the file says; never a password, and nobody is enabled by it')
    .option('--enable', 'with --update: enable people who are disabled here, and not in the file')
    .option('--dry-run', 'check everything and write nothing')
    .addHelpText(
      'after',
      `
Prints who was refused, with the place in the file and why; the exit code is then 1. After an interruption run it again:
people who have an account already are skipped. docs/people-import.md describes the formats and the password hashes.

Examples:
  nauthera users import people.jsonl --create-groups --dry-run
  nauthera users import - --create-groups < people.jsonl
  nauthera users import realm.json --format keycloak --create-groups --dry-run
  nauthera users import dex.yaml --format dex`,
    )
    .action(async (file: string, options: ImportOptions) => {
      const { refused } = await importFile(session, file, options)
      if (refused > 0) setExitCode(1)
    })
}

interface ImportOptions {
  readonly format: string
  readonly createGroups?: boolean
  readonly allowHelpDesk?: boolean
  readonly update?: boolean
  readonly enable?: boolean
  readonly dryRun?: boolean
}

async function importFile(session: CommandSession, file: string, options: ImportOptions): Promise<ImportCounts> {
  const { createGroups = false, update = false, enable = false, dryRun = false } = options
  const refusals: ImportRefusal[] = []
  const leftOut = createTally()
  const progress = createProgress(session.terminal)
  let counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  const { admin } = settingsOf(session)
  const closedDesk = options.allowHelpDesk === true || admin === undefined ? undefined : deskGroups(admin)
  const input = await inputOf(session, file)
  try {
    return await withDatabase(session, (opened) =>
      importPeople(
        {
          store: createImportBatch(opened),
          events: (userId) => [{ event: 'account.created', outcome: 'success', userId }],
          changeEvents,
          batchEvent: (people) => adminEvent('users.import', { detail: { people } }),
          onRefused: (refusal) => void refusals.push(refusal),
          leaveOut: leftOut.add,
          onProgress(now) {
            counts = now
            progress.write(summaryOf(now))
          },
        },
        formats[options.format]!(input, leftOut.add),
        { dryRun, createGroups, update, enable, closedDesk },
      ),
    )
  } finally {
    progress.end()
    if (refusals.length > 0) print(session, refusals.map(rowOf), ['at', 'username', 'reason'])
    for (const line of leftOut.lines()) printHint(session, line)
    printHint(session, `${summaryOf(counts)}${dryRun ? ' (dry run: nothing was written)' : ''}`)
  }
}

/** Counts ignored attributes. Their names come from the file, so number and length are limited. */
function createTally(): { add: LeaveOut; lines(): readonly string[] } {
  const counts = new Map<string, number>()
  return {
    add(what) {
      const key = counts.size < mostKinds || counts.has(what) ? what : 'more of other kinds'
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    lines: () =>
      [...counts].map(([what, times]) => {
        const shown = showHiddenCharacters(what, () => '\uFFFD')
        return `left out, ${times === 1 ? 'once' : `${times} times`}: ${shown}`
      }),
  }
}

const mostKinds = 100

const rowOf = ({ at, username, reason }: ImportRefusal) => ({ at, username, reason })

const summaryOf = ({ created, updated, unchanged, refused }: ImportCounts): string =>
  `${created} created, ${updated} updated, ${unchanged} there already, ${refused} refused`

/** @throws CodedError USAGE_INVALID */
async function inputOf({ terminal }: CommandSession, file: string): Promise<Readable> {
  if (file === '-') return terminal.stdin
  try {
    return (await open(file)).createReadStream()
  } catch (cause) {
    throw new CodedError('USAGE_INVALID', {
      cause,
      faults: [{ path: file, message: 'cannot be read; give the path of a file, or - for standard input' }],
    })
  }
}

function changeEvents(userId: string, { disabled, ...other }: ImportedChange): readonly AuditEvent[] {
  const about = { outcome: 'success', userId } as const
  return [
    adminEvent('users.import', { userId }),
    ...(Object.keys(other).length === 0 ? [] : [{ ...about, event: 'account.changed' } as const]),
    ...(disabled === undefined
      ? []
      : [{ ...about, event: disabled ? 'account.disabled' : 'account.enabled' } as const]),
  ]
}
