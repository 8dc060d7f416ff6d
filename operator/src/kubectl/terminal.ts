// What every command of the plugin reads and writes, and the options that they share.
import { Option } from 'commander'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import type { CallKubectl, ClusterFlags } from './cluster.ts'
import { present } from '../decide/client/present.ts'

/** What the commands read and write; tests give their own. */
export interface PluginTerminal {
  /** Of this program. */
  readonly version: string
  /** @param path a file, or `-` for standard input; throws when it cannot be read */
  readonly read: (path: string) => string
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  readonly kubectl: CallKubectl
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly pause: (milliseconds: number) => Promise<void>
  /** Whether standard output is a terminal that shows colours. */
  readonly isColoured: boolean
  /** Prints a text with colours, whose other characters are printable already. */
  readonly print: (text: string) => void
  /** Runs kubectl until it ends, and gives each line as it comes. */
  readonly stream: (
    args: readonly string[],
    onLine: (line: string) => void,
  ) => Promise<{ readonly code: number | undefined; readonly stderr: string }>
}

/** 0 all is well, 1 something is wrong with what was looked at, 2 it could not be found out or done. */
export type ExitCode = 0 | 1 | 2

export interface PluginSession {
  readonly terminal: PluginTerminal
  /** Ends the command with this code; 0 unless it is called. */
  readonly exit: (code: ExitCode) => void
}

/** Control characters in somebody's file or object could move the cursor or hide text: they are printed as escapes. In YAML and JSON they
 *  stand between double quotes, where the escape means the same. */
export const printable = (text: string): string =>
  text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

export type MachineFormat = 'json' | 'yaml'

const machineFormats = ['json', 'yaml'] as const

/** `-o json|yaml`, and what else the command has. */
export const outputOption = (...others: readonly string[]): Option =>
  new Option('-o, --output <format>', 'how to print it').choices([...machineFormats, ...others])

/** @returns a value for programs */
export const machineText = (format: MachineFormat, value: unknown): string =>
  format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(value, { lineWidth: 0 })

export const withClusterFlags = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', 'as kubectl has it')
    .option('--context <name>', 'as kubectl has it')
    .option('--kubeconfig <file>', 'as kubectl has it')

/** @param flags may be the options of the command, which has others too */
export const clusterFlags = ({ namespace, context, kubeconfig }: ClusterFlags): ClusterFlags => ({
  ...present({ namespace, context, kubeconfig }),
})

/** The flags of a call about what has no namespace, or about all of them. @param flags as for `clusterFlags` */
export const clusterWideFlags = ({ context, kubeconfig }: ClusterFlags): ClusterFlags => ({
  ...present({ context, kubeconfig }),
})

/** @returns a table with two spaces between its columns */
export function textTable(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** What `-o` asks of a list. */
export type ListFormat = MachineFormat | 'wide'

/** A column of a list: `of` names a field of its rows; a wide one is shown by `-o wide` alone. */
export type ListColumn<Name extends string> = readonly [title: string, of: Name, wide?: 'wide']

/** Prints a list as `-o` asks. @param about.none said where it is empty, for people */
export function printList<Name extends string>(
  { out, error }: Pick<PluginTerminal, 'out' | 'error'>,
  rows: readonly Readonly<Record<Name, string>>[],
  about: {
    readonly columns: readonly ListColumn<Name>[]
    readonly output: ListFormat | undefined
    readonly none: string
  },
): void {
  const { columns, output, none } = about
  if (output === 'json' || output === 'yaml') return out(machineText(output, rows))
  if (rows.length === 0) return error(`${none}\n`)
  const shown = columns.filter(([, , wide]) => output === 'wide' || wide === undefined)
  out(textTable([shown.map(([title]) => title), ...rows.map((row) => shown.map(([, of]) => row[of]))]))
}

const units: readonly [name: string, seconds: number][] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
]

/** @returns such as `3 h ago`. @param at epoch milliseconds */
export function agoText(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  const unit = units.find(([, length]) => seconds >= length)
  return unit === undefined ? `${seconds} s ago` : `${Math.floor(seconds / unit[1])} ${unit[0]} ago`
}
