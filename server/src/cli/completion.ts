// nauthera completion: renders the completion script of a shell from the commands themselves.
import { Argument } from 'commander'
import type { Command, Option } from 'commander'
import type { Terminal } from './terminal/terminal.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

export function addCompletionCommand(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .description('print a script with which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  source <(nauthera completion bash)
  nauthera completion zsh > "\${fpath[1]}/_nauthera"
  nauthera completion fish > ~/.config/fish/completions/nauthera.fish`,
    )
    .action((shell: Shell) => void terminal.stdout.write(renderCompletion(shell, program)))
}

/** The words that can follow one command. */
interface Place {
  /** Without the name of the program: '' or 'users add'. */
  readonly path: string
  readonly commands: readonly Command[]
  readonly options: readonly Option[]
}

/** @returns the script */
export function renderCompletion(shell: Shell, program: Command): string {
  const places = placesOf(program, '')
  return shell === 'fish' ? renderFish(places) : renderPosix(shell, places)
}

const placesOf = (command: Command, path: string): Place[] => [
  { path, commands: command.commands, options: command.createHelp().visibleOptions(command) },
  ...command.commands.flatMap((child) => placesOf(child, `${path} ${child.name()}`.trim())),
]

/** The script for bash and zsh: it walks the words up to the cursor, then offers what can follow. */
function renderPosix(shell: 'bash' | 'zsh', places: readonly Place[]): string {
  const known = places.filter(({ path }) => path !== '').map(({ path }) => quoted(parentOf(path)))
  const choices = new Map(places.flatMap(({ options }) => options.flatMap(choicesOf)))
  const files = new Set(places.flatMap(({ options }) => options.filter(takesFile).flatMap(namesOf)))
  const offers = places.map(({ path, commands, options }) => {
    const words = [...commands.map((command) => command.name()), ...options.flatMap(namesOf)]
    return `    '${path}') offered='${words.join(' ')}' ;;`
  })
  const chosen = [...choices].map(([name, values]) => `    ${name}) offered='${values.join(' ')}' ;;`)
  const { head, file, tail } = posix[shell]
  return [
    ...head,
    '    case "$at $word" in',
    `      ${known.join(' | ')}) at="\${at:+$at }$word" ;;`,
    '    esac',
    '  done',
    '  case "$before" in',
    ...chosen,
    `    ${[...files].join(' | ')}) ${file}; return ;;`,
    '  esac',
    '  [ -n "$offered" ] || case "$at" in',
    ...offers,
    '  esac',
    ...tail,
    '',
  ].join('\n')
}

const posix = {
  bash: {
    head: [
      '_nauthera() {',
      '  local at="" word offered="" current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
      '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    ],
    file: 'COMPREPLY=($(compgen -f -- "$current"))',
    tail: ['  COMPREPLY=($(compgen -W "$offered" -- "$current"))', '}', 'complete -F _nauthera nauthera'],
  },
  zsh: {
    head: [
      '#compdef nauthera',
      '_nauthera() {',
      '  local at="" word offered="" before="${words[CURRENT-1]}"',
      '  for word in "${(@)words[2,CURRENT-1]}"; do',
    ],
    file: '_files',
    tail: ['  compadd -- ${=offered}', '}', 'compdef _nauthera nauthera'],
  },
}

function renderFish(places: readonly Place[]): string {
  const known = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`)
  const lines = places.flatMap(({ path, commands, options }) => {
    const here = `complete -c nauthera -n '__nauthera_at "${path}"'`
    return [
      ...commands.map((command) => `${here} -a ${command.name()} -d ${text(command.description())}`),
      ...options.map((option) => `${here}${fishOption(option)} -d ${text(option.description)}`),
    ]
  })
  return [
    'function __nauthera_at',
    '  set -l at',
    '  for word in (commandline -opc)[2..-1]',
    `    if contains -- (string join ' ' $at $word) ${known.join(' ')}`,
    '      set at $at $word',
    '    end',
    '  end',
    '  test "$at" = "$argv[1]"',
    'end',
    'complete -c nauthera -f',
    ...lines,
    '',
  ].join('\n')
}

function fishOption(option: Option): string {
  const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`
  const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`
  if (option.argChoices !== undefined) return `${short}${long} -x -a '${option.argChoices.join(' ')}'`
  if (takesFile(option)) return `${short}${long} -r -F`
  return `${short}${long}${option.required ? ' -x' : ''}`
}

/** `users add` -> ` users add` as the walk writes it: the place so far, a space, the next word. */
const parentOf = (path: string): string => (path.includes(' ') ? path : ` ${path}`)
const quoted = (word: string): string => `'${word}'`
const text = (words: string): string => `'${words.replaceAll(/['\\]/g, String.raw`\$&`)}'`
const namesOf = ({ short, long }: Option): string[] => [short, long].filter((name) => name !== undefined)
const takesFile = ({ flags }: Option): boolean => flags.includes('<file>')

const choicesOf = (option: Option): [string, string[]][] =>
  option.argChoices === undefined ? [] : [[namesOf(option).join(' | '), option.argChoices]]
