// The command line of kubectl-nauthera: kubectl finds it as `kubectl nauthera`.
import { Command, CommanderError, Option } from 'commander'
import { stringify } from 'yaml'
import { durationMs } from '../api/duration.ts'
import { readClient, readClients, readSecret } from './cluster.ts'
import type { CallKubectl, ClusterFlags } from './cluster.ts'
import { listRows, tableText } from './clients/list.ts'
import { explainClient, explanationText } from './clients/why.ts'
import { isNamespaceName, namespaceRule } from './files/object-shape.ts'
import { readDocuments } from './files/read-documents.ts'
import type { LocatedFault } from './files/read-documents.ts'
import { renderClients } from './files/render.ts'
import type { RenderedClient } from './files/render.ts'

/** What the commands read and write; tests give their own. */
export interface PluginTerminal {
  /** @param path a file, or `-` for standard input; throws when it cannot be read */
  readonly read: (path: string) => string
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  readonly kubectl: CallKubectl
  /** Epoch milliseconds. */
  readonly now: () => number
}

interface RenderOptions {
  readonly filename: readonly string[]
  readonly policy: readonly string[]
  readonly issuer: string
  readonly namespace: string
  readonly output: 'yaml' | 'json'
}

/** Runs the command line. @returns the exit code: 0 all is well, 1 something is wrong with the files or the client, 2 it could not be found out */
export function runCommand(args: readonly string[], raw: PluginTerminal): number {
  const terminal: PluginTerminal = {
    ...raw,
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
  withClusterFlags(program.command('why'))
    .description(
      'Explains why a client does not work: what is wrong first, then what to do, then what is well. The exit code is 0 when nothing is wrong. It needs the right to read the OIDCClient, and tells more with the right to read its Secret.',
    )
    .argument('<name>', 'the OIDCClient')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera why grafana -n monitoring')
    .action((name: string, options: ClusterFlags & Output) => {
      code = why(name, options, terminal)
    })
  withClusterFlags(program.command('list'))
    .description(
      'Lists clients: whether they are Ready, how old their secrets are, and what was refused within the hour.',
    )
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--not-ready', 'only those that are not Ready')
    .option('--refused', 'only those in whose name requests were refused')
    .option(
      '--expiring <duration>',
      'only those whose secret rotates, or whose previous secret ends, within this time, such as 48h',
    )
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera list -A --not-ready')
    .action((options: ListOptions) => {
      code = list(options, terminal)
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

interface Output {
  readonly output?: 'json'
}

type ListOptions = ClusterFlags &
  Output & {
    readonly allNamespaces?: boolean
    readonly notReady?: boolean
    readonly refused?: boolean
    readonly expiring?: string
  }

const outputOption = (): Option => new Option('-o, --output <format>', 'for programs').choices(['json'])

const withClusterFlags = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', 'as kubectl has it')
    .option('--context <name>', 'as kubectl has it')
    .option('--kubeconfig <file>', 'as kubectl has it')

function why(name: string, options: ClusterFlags & Output, terminal: PluginTerminal): number {
  const found = readClient(terminal.kubectl, name, options)
  if (found.kind !== 'found') return failed(found, terminal)
  const client = found.value
  const { namespace } = client.metadata
  const secretName = client.status?.secret?.name
  const secret =
    secretName === undefined ? undefined : readSecret(terminal.kubectl, secretName, { ...options, namespace })
  const explanation = explainClient(client, { secret, now: terminal.now() })
  terminal.out(options.output === 'json' ? `${JSON.stringify(explanation, null, 2)}\n` : explanationText(explanation))
  return explanation.findings.some(({ severity }) => severity !== 'hint') ? 1 : 0
}

function list(options: ListOptions, terminal: PluginTerminal): number {
  const { notReady = false, refused = false, expiring } = options
  const expiringMs = expiring === undefined ? undefined : durationMs(expiring)
  if (expiring !== undefined && expiringMs === undefined) {
    terminal.error('--expiring: must be a time such as 90m or 48h\n')
    return 2
  }
  const found = readClients(terminal.kubectl, options)
  if (found.kind !== 'found') return failed(found, terminal)
  const rows = listRows(found.value, { notReady, refused, expiringMs }, terminal.now())
  if (options.output === 'json') terminal.out(`${JSON.stringify(rows, null, 2)}\n`)
  else if (rows.length > 0) terminal.out(tableText(rows))
  else terminal.error(`none of ${found.value.length} clients\n`)
  return 0
}

function failed(
  { kind, message }: { readonly kind: string; readonly message: string },
  terminal: PluginTerminal,
): number {
  const more =
    kind === 'forbidden' ? '\nThis command needs the right to get and list oidcclients.auth.nauthera.io there.' : ''
  terminal.error(`${message}${more}\n`)
  return 2
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
