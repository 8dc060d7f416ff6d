// Says why a client does not work: what is wrong first, then what to do, then what is well.
import type { Command } from 'commander'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { readClient, readClients, readSecret } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { machineText, outputOption, withClusterFlags } from '../terminal.ts'
import type { MachineFormat, PluginSession } from '../terminal.ts'
import { explainClient } from './explain-client.ts'
import type { Explanation } from './explain-client.ts'
import { reportFault } from './report-fault.ts'

type WhyOptions = ClusterFlags & { readonly output?: MachineFormat; readonly allNamespaces?: boolean }

export function addWhyCommand(program: Command, session: PluginSession): void {
  withClusterFlags(program.command('why'))
    .description(
      'Explains why a client does not work: what is wrong first, then what to do, then what is well. Without a name it explains each client of the namespace that does not work. The exit code is 1 when something is wrong. It needs the right to read the OIDCClient, and tells more with the right to read its Secret.',
    )
    .argument('[name]', 'the OIDCClient')
    .option('-A, --all-namespaces', 'without a name: of all namespaces')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera why grafana -n monitoring')
    .action((name: string | undefined, options: WhyOptions) =>
      name === undefined ? explainAll(options, session) : explainOne(name, options, session),
    )
}

function explainOne(name: string, options: WhyOptions, { terminal, exit }: PluginSession): void {
  const found = readClient(terminal.kubectl, name, options)
  if (found.kind !== 'found') return exit(reportFault(found, terminal))
  const explanation = explain(found.value, options, terminal)
  terminal.out(options.output ? machineText(options.output, explanation) : explanationText(explanation))
  if (isWrong(explanation)) exit(1)
}

function explainAll(options: WhyOptions, { terminal, exit }: PluginSession): void {
  const found = readClients(terminal.kubectl, options)
  if (found.kind !== 'found') return exit(reportFault(found, terminal))
  const explanations = found.value.map((client) => explain(client, options, terminal))
  const wrong = explanations.filter(isWrong)
  const summary = `${explanations.length - wrong.length} of ${explanations.length} clients work.\n`
  const text = () => [...wrong.map(explanationText), summary].join('\n')
  terminal.out(options.output ? machineText(options.output, explanations) : text())
  if (wrong.length > 0) exit(1)
}

function explain(client: OIDCClient, options: ClusterFlags, { kubectl, now }: PluginSession['terminal']): Explanation {
  const { namespace } = client.metadata
  const secretName = client.status?.secret?.name
  const secret = secretName === undefined ? undefined : readSecret(kubectl, secretName, { ...options, namespace })
  return explainClient(client, { secret, now: now() })
}

const isWrong = ({ findings }: Explanation): boolean => findings.some(({ severity }) => severity !== 'hint')

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** @returns the explanation as a colleague would say it */
function explanationText({ client, findings, facts, notRead }: Explanation): string {
  const wrong = findings.filter(({ severity }) => severity !== 'hint').length
  const head =
    wrong === 0
      ? `${client} works: it is live on every replica, and no request in its name was refused in the last hour.`
      : `${client}: ${wrong === 1 ? 'one thing is' : `${wrong} things are`} wrong.`
  const width = Math.max(...Object.keys(facts).map(({ length }) => length), 0)
  return [
    head,
    ...findings.map(
      ({ severity, what, details = [], cure }, index) =>
        `\n${index + 1}. ${severity === 'hint' ? '(works) ' : ''}${[what, ...details].join('\n   ')}\n   -> ${capital(cure)}`,
    ),
    '',
    ...Object.entries(facts).map(([subject, fact]) => `${subject.padEnd(width)}  ${fact}`),
    ...notRead.map((text) => `\n(${text})`),
    '',
  ].join('\n')
}
