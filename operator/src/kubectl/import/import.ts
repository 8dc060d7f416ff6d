// The command `import`: clients of other products as OIDCClients, and a list of what cannot be carried over.
import { Option } from 'commander'
import type { Command } from 'commander'
import { parse, stringify } from 'yaml'
import { asOneLine } from '@nauthera/runtime/hidden-characters'
import { withKind } from '../../kubernetes/objects.ts'
import { isNamespaceName, namespaceRule } from '../files/object-shape.ts'
import type { PluginSession } from '../terminal.ts'
import type { ForeignClients, LeftOut } from './foreign-client.ts'
import { readKeycloak } from './keycloak.ts'
import { createClient } from './create-client.ts'
import type { ImportedClient } from './create-client.ts'
import { readAuthelia, readDex, readHydra } from './others.ts'

const products = { keycloak: readKeycloak, dex: readDex, authelia: readAuthelia, hydra: readHydra } as const

const forms: Readonly<Record<keyof typeof products, string>> = {
  keycloak: 'a realm export (kc.sh export --realm NAME --file FILE), or one client of it',
  dex: 'its configuration, or the values of its chart, with staticClients',
  authelia: 'its configuration.yml, with identity_providers.oidc.clients',
  hydra: 'the output of hydra list oauth2-clients --format json, or one client',
}

interface ImportOptions {
  readonly filename: string
  readonly from: keyof typeof products
  readonly namespace: string
}

export function addImportCommand(program: Command, session: PluginSession): void {
  program
    .command('import')
    .description(
      'Makes OIDCClients of the clients of another product. YAML goes to standard output, with a Secret for each client secret that is known. What cannot be carried over goes to standard error, with the reason. Needs no cluster. A client whose restraint cannot be carried over, such as a policy about people, is suspended. The exit code is 1 then, and when a rule here refuses a client; one of another protocol is only listed.',
    )
    .addOption(
      new Option('--from <product>', 'whose clients they are').choices(Object.keys(products)).makeOptionMandatory(),
    )
    .requiredOption('-f, --filename <file>', 'YAML or JSON; - reads standard input')
    .option('-n, --namespace <name>', 'the namespace of the OIDCClients', 'default')
    .addHelpText(
      'after',
      `\nFiles:\n${Object.entries(forms)
        .map(([product, form]) => `  ${product.padEnd(8)}  ${form}`)
        .join('\n')}\n\nExample:\n  kubectl nauthera import --from keycloak -f realm.json -n apps > clients.yaml`,
    )
    .action((options: ImportOptions) => importClients(options, session))
}

function importClients({ filename, from, namespace }: ImportOptions, { terminal, exit }: PluginSession): void {
  if (!isNamespaceName(namespace)) {
    terminal.error(`--namespace: ${namespaceRule}\n`)
    return exit(2)
  }
  const read = readForeign(filename, from, terminal.read)
  if (typeof read === 'string') {
    terminal.error(`${filename}: ${read}\n`)
    return exit(2)
  }
  const taken = new Set<string>()
  const made = read.clients.map((foreign) => ({ id: foreign.id, result: createClient(foreign, namespace, taken) }))
  const imported = made.flatMap(({ id, result }) => ('fault' in result ? [] : [{ id, ...result }]))
  const lost = made.flatMap(({ id, result }) => ('fault' in result ? [{ id, why: result.fault }] : []))
  if (imported.length > 0) terminal.out(yamlOf(imported, namespace))
  const skipped = [...read.skipped, ...lost]
  const lines = [
    ...skipped.map(({ id, why }) => `${id}: not carried over: ${why}`),
    ...imported.flatMap(({ id, restraints }) => restraints.map((one) => `${id}: suspended: ${textOf(one)}`)),
    ...imported.flatMap(({ id, leftOut }) => leftOut.map((one) => `${id}: ${textOf(one)}`)),
    `${imported.length} of ${read.clients.length + read.skipped.length} clients`,
  ]
  terminal.error(`${lines.join('\n')}\n`)
  if (lost.length > 0 || imported.some(({ restraints }) => restraints.length > 0)) exit(1)
}

const textOf = ({ field, why }: LeftOut): string => `${field}: ${why}`

/** @returns what is wrong with the file, where it cannot be read */
function readForeign(
  filename: string,
  from: ImportOptions['from'],
  read: (path: string) => string,
): ForeignClients | string {
  let file: unknown
  try {
    file = parse(read(filename))
  } catch (error) {
    return `cannot be read (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`
  }
  return products[from](file) ?? `has no clients of ${from}: give ${forms[from]}`
}

function yamlOf(imported: readonly ImportedClient[], namespace: string): string {
  const gates = [...new Set(imported.flatMap((one) => one.gates))]
  const allow = Object.fromEntries(gates.map((gate) => [gate, true]))
  const policy = withKind('OIDCPolicy', {
    metadata: { name: `imported-${namespace}` },
    spec: {
      selector: { namespaces: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
      allow,
    },
  })
  const head =
    gates.length === 0
      ? []
      : [
          `# Ids and secrets of their own need a policy. An administrator of the cluster may apply this one.\n${yaml(policy)}`,
        ]
  const objects = imported.flatMap(({ client, secret, restraints }) => [
    ...(secret ? [yaml(secret)] : []),
    `${commentOf(restraints)}${yaml(client)}`,
  ])
  return [...head, ...objects].join('---\n')
}

/** Says in the file why a client is suspended. */
const commentOf = (restraints: readonly LeftOut[]): string =>
  restraints.length === 0
    ? ''
    : [
        'Suspended, because this did not come along. Say it here in another way, then remove "suspended":',
        ...restraints.map((one) => `  ${textOf(one)}`),
      ]
        .map((line) => `# ${asOneLine(line)}\n`)
        .join('')

const yaml = (object: object): string => stringify(object, { lineWidth: 0 })
