// The command line of kubectl-nauthera: kubectl finds it as `kubectl nauthera`.
import { Command, CommanderError, Option } from 'commander'
import { stringify } from 'yaml'
import { isNamespaceName, namespaceRule } from './object-shape.ts'
import { readDocuments } from './read-documents.ts'
import type { LocatedFault } from './read-documents.ts'
import { renderClients } from './render.ts'
import type { RenderedClient } from './render.ts'

/** What the commands read and write; tests give their own. */
export interface PluginTerminal {
  /** @param path a file, or `-` for standard input; throws when it cannot be read */
  readonly read: (path: string) => string
  readonly out: (text: string) => void
  readonly error: (text: string) => void
}

interface RenderOptions {
  readonly filename: readonly string[]
  readonly policy: readonly string[]
  readonly issuer: string
  readonly namespace: string
  readonly output: 'yaml' | 'json'
}

/** Runs the command line. @returns the exit code: 0 all is well, 1 the files have faults, 2 the command line is wrong */
export function runCommand(args: readonly string[], raw: PluginTerminal): number {
  const terminal: PluginTerminal = {
    read: raw.read,
    out: (text) => raw.out(printable(text)),
    error: (text) => raw.error(printable(text)),
  }
  let code = 0
  const program = new Command('kubectl-nauthera')
    .description(
      'Tools for people who write OIDCClients. kubectl finds this program when it is in your PATH: kubectl nauthera <command>.',
    )
    .showHelpAfterError('(--help lists commands and options)')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
  program
    .command('render')
    .description(
      'Shows what OIDCClients become: the Secret of the application, and the client as the servers see it. Needs no cluster. In a pipeline it finds mistakes: each is printed with file and line, and the exit code is 1.',
    )
    .requiredOption('-f, --filename <file...>', 'YAML files with OIDCClients; - reads standard input')
    .option('-p, --policy <file...>', 'YAML files with the OIDCPolicies that hold for them', [])
    .option('-n, --namespace <name>', 'the namespace of objects that do not say theirs', 'default')
    .option(
      '--issuer <url>',
      'the address of the servers, as it is written into the Secret',
      'https://login.example.com',
    )
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['yaml', 'json']).default('yaml'))
    .addHelpText(
      'after',
      '\nExample:\n  kubectl nauthera render -f client.yaml --issuer https://login.example.com -o json',
    )
    .action((options: RenderOptions) => {
      code = render(options, terminal)
    })
  try {
    program.parse([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
  return code
}

function render(options: RenderOptions, terminal: PluginTerminal): number {
  if (!/^https?:\/\/[^/]+/.test(options.issuer)) {
    terminal.error('--issuer: must be a URL, such as https://login.example.com\n')
    return 2
  }
  if (!isNamespaceName(options.namespace)) {
    terminal.error(`--namespace: ${namespaceRule}\n`)
    return 2
  }
  const read = [...options.filename, ...options.policy].map((file) => readFile(file, terminal))
  const result = renderClients({
    objects: read.flatMap(({ objects }) => objects),
    issuer: options.issuer,
    namespace: options.namespace,
  })
  const faults = [...read.flatMap((one) => one.faults), ...result.faults]
  if (faults.length === 0 && result.rendered.length === 0) {
    faults.push({ file: options.filename[0]!, line: 1, path: '', message: 'has no OIDCClient in it' })
  }
  if (result.rendered.length > 0)
    terminal.out(options.output === 'json' ? jsonOf(result.rendered) : yamlOf(result.rendered))
  for (const fault of faults) terminal.error(`${faultText(fault)}\n`)
  return faults.length > 0 ? 1 : 0
}

function readFile(file: string, terminal: PluginTerminal): ReturnType<typeof readDocuments> {
  let text: string
  try {
    text = terminal.read(file)
  } catch {
    return {
      objects: [],
      faults: [
        { file, line: 1, path: '', message: 'cannot be read; give the path of a YAML file, or - for standard input' },
      ],
    }
  }
  return readDocuments(file, text)
}

/** Control characters in somebody's file could move the cursor or hide text: they are printed as escapes. In YAML and JSON they stand
 *  between double quotes, where the escape means the same. */
const printable = (text: string): string =>
  text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const faultText = ({ file, line, path, message }: LocatedFault): string =>
  `${file === '-' ? '(stdin)' : file}:${line}: ${path === '' ? '' : `${path}: `}${message}`

const jsonOf = (rendered: readonly RenderedClient[]): string => `${JSON.stringify(rendered, null, 2)}\n`

const yamlOf = (rendered: readonly RenderedClient[]): string =>
  rendered
    .flatMap(({ client, secret, metadata, access }) => [
      `# Secret of ${client}\n${stringify(secret, { lineWidth: 0 })}`,
      `# Provider metadata of ${client} (RFC 7591)\n${stringify(metadata, { lineWidth: 0 })}`,
      ...(access
        ? [`# Access of ${client} to APIs, as far as these files tell\n${stringify(access, { lineWidth: 0 })}`]
        : []),
    ])
    .join('---\n')
