// The command line of kubectl-nauthera: kubectl finds it as `kubectl nauthera`.
import { Command, CommanderError, Option } from 'commander'
import { stringify } from 'yaml'
import { isNamespaceName, namespaceRule } from './object-shape.ts'
import { readDocuments } from './read-documents.ts'
import type { LocatedFault } from './read-documents.ts'
import { renderClients } from './render.ts'
import type { RenderedClient } from './render.ts'

/** What the commands touch of the world. */
export interface Terminal {
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

/** Runs the command line. @returns the exit code: 0 fine, 1 faults in the files, 2 a command that makes no sense */
export function runCommand(args: readonly string[], raw: Terminal): number {
  const terminal: Terminal = {
    read: raw.read,
    out: (text) => raw.out(printable(text)),
    error: (text) => raw.error(printable(text)),
  }
  let code = 0
  const program = new Command('kubectl-nauthera')
    .description('Tools for OIDCClients. As a kubectl plugin: kubectl nauthera <command>.')
    .showHelpAfterError('(add --help for what there is)')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
  program
    .command('render')
    .description(
      'Shows, without a cluster, the Secret and the provider metadata that OIDCClients would give. A linter for pipelines: every fault has its file and line, and the exit code is 1.',
    )
    .requiredOption(
      '-f, --filename <file...>',
      'files with OIDCClients, several documents each; - reads standard input',
    )
    .option('-p, --policy <file...>', 'files with OIDCPolicies that hold', [])
    .option('-n, --namespace <name>', 'namespace of objects that name none', 'default')
    .option('--issuer <url>', 'issuer that would serve them', 'https://login.example.com')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['yaml', 'json']).default('yaml'))
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

function render(options: RenderOptions, terminal: Terminal): number {
  if (!/^https?:\/\/[^/]+/.test(options.issuer)) {
    terminal.error('--issuer: must be an https URL, such as https://login.example.com\n')
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
    faults.push({ file: options.filename[0]!, line: 1, path: '', message: 'has no OIDCClient' })
  }
  if (result.rendered.length > 0)
    terminal.out(options.output === 'json' ? jsonOf(result.rendered) : yamlOf(result.rendered))
  for (const fault of faults) terminal.error(`${faultText(fault)}\n`)
  return faults.length > 0 ? 1 : 0
}

function readFile(file: string, terminal: Terminal): ReturnType<typeof readDocuments> {
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

/** Files of others must not drive the terminal. In YAML and JSON such characters stand between double quotes, where the escape
 *  means the same. */
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
    .flatMap(({ client, secret, metadata }) => [
      `# Secret of ${client}\n${stringify(secret, { lineWidth: 0 })}`,
      `# Provider metadata of ${client} (RFC 7591)\n${stringify(metadata, { lineWidth: 0 })}`,
    ])
    .join('---\n')
