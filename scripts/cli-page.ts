// docs/cli.md and docs/plugin.md: what each command of nauthera and of kubectl-nauthera says with --help.
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { createPlugin } from '@nauthera/operator/kubectl/command'
import { createProgram } from '@nauthera/server/cli/program'

const head = `# Command line

<!-- Written by "npm run generate" from the commands themselves. -->

\`nauthera\` is in the server's image, and works through the database: it needs no server that runs.

<!-- not run: the stand-in has no pods -->
\`\`\`sh
kubectl -n auth exec -it deploy/nauthera-server -c server -- nauthera users list
\`\`\`

- Every command has \`--help\`. Every answer comes as a table, as JSON or as YAML: \`-o table|json|yaml\`. Long lists are printed page by page.
- Standard output has only the answer. Questions, hints, progress and faults go to standard error.
- Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings.
- \`--settings FILE\`, else \`NAUTHERA_SETTINGS\`, else \`/etc/nauthera/server.yaml\`: the settings of the server.
- A secret is never an argument and never printed, but for a password that a command has generated, once.
- Whatever changes something is in the audit log as \`admin.<command>\`.
- Tab completion: \`source <(nauthera completion bash)\`; zsh and fish too.
`

/** Lines that every command has. */
const sharedLines = /^ {2}(-o, --output|--settings|-h, --help) /

export function renderCliPage(): string {
  const sink = new Writable({ write: (_chunk, _, done) => done() })
  const terminal = { stdin: process.stdin, stdout: sink, stderr: sink, onInterrupt: () => () => undefined }
  const program = createProgram({ terminal, environment: {}, version: '', by: '' }, () => undefined)
  return renderCommands(head, program, sharedLines)
}

/** @param before the page as it is: what stands above its first command is written by hand */
export function renderPluginPage(before = readFileSync('docs/plugin.md', 'utf8')): string {
  const nothing = () => undefined
  const kubectl = () => ({ code: undefined, stdout: '', stderr: '' })
  const terminal = {
    version: '',
    read: () => '',
    out: nothing,
    error: nothing,
    kubectl,
    now: () => 0,
    pause: async () => {},
    isColoured: false,
    print: nothing,
    stream: async () => kubectl(),
  }
  const [byHand] = before.split(commandsHeading)
  return renderCommands(`${byHand}${commandsHeading}\n`, createPlugin({ terminal, exit: nothing }), sharedPluginLines)
}

const sharedPluginLines = /as kubectl has it$|^ {2}-h, --help /

const commandsHeading = '## Every command\n'

function renderCommands(above: string, program: Command, shared: RegExp): string {
  let text = ''
  const helpOf = (command: Command): string => {
    text = ''
    command.configureOutput({ writeOut: (more) => (text += more), getOutHelpWidth: () => 140 }).outputHelp()
    const lines = text.trimEnd().split('\n')
    const kept = lines.filter((line) => !shared.test(line)).join('\n')
    return kept.replace(/\nOptions:\n(?=\n|$)/, '').replaceAll(/\n{3,}/g, '\n\n')
  }
  const section = (command: Command): string =>
    [`## ${command.name()}`, ...leaves(command).map((leaf) => `\`\`\`\n${helpOf(leaf).trimEnd()}\n\`\`\``)].join('\n\n')
  return `${[above, ...program.commands.map(section)].join('\n')}\n`
    .replaceAll(/\n(## )/g, '\n\n$1')
    .replaceAll(/\n{3,}/g, '\n\n')
}

type Command = ReturnType<typeof createProgram>

const leaves = (command: Command): readonly Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
