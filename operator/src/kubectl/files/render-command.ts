// The command `render`: what OIDCClients in files become.
import { Option } from 'commander'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { machineText } from '../terminal.ts'
import type { ExitCode, PluginSession, PluginTerminal } from '../terminal.ts'
import { isNamespaceName, namespaceRule } from './object-shape.ts'
import { faultText, readYamlFile } from './read-documents.ts'
import { renderClients } from './render.ts'
import type { RenderedClient } from './render.ts'

interface RenderOptions {
  readonly filename: readonly string[]
  readonly policy: readonly string[]
  readonly issuer: string
  readonly namespace: string
  readonly output: 'yaml' | 'json'
}

export function addRenderCommand(program: Command, { terminal, exit }: PluginSession): void {
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
    .action((options: RenderOptions) => exit(render(options, terminal)))
}

function render(options: RenderOptions, terminal: PluginTerminal): ExitCode {
  if (!/^https?:\/\/[^/]+/.test(options.issuer)) {
    terminal.error('--issuer: must be a URL, such as https://login.example.com\n')
    return 2
  }
  if (!isNamespaceName(options.namespace)) {
    terminal.error(`--namespace: ${namespaceRule}\n`)
    return 2
  }
  const read = [...options.filename, ...options.policy].map((file) => readYamlFile(file, terminal))
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
    terminal.out(options.output === 'json' ? machineText('json', result.rendered) : yamlOf(result.rendered))
  for (const fault of faults) terminal.error(`${faultText(fault)}\n`)
  return faults.length > 0 ? 1 : 0
}

const yamlOf = (rendered: readonly RenderedClient[]): string =>
  rendered
    .flatMap(({ client, secret, metadata, access }) => [
      ...(secret ? [`# Secret of ${client}\n${stringify(secret, { lineWidth: 0 })}`] : []),
      `# Provider metadata of ${client} (RFC 7591)\n${stringify(metadata, { lineWidth: 0 })}`,
      ...(access
        ? [`# Access of ${client} to APIs, as far as these files tell\n${stringify(access, { lineWidth: 0 })}`]
        : []),
    ])
    .join('---\n')
