// The command `secret`: what the application's Secret holds, without its secret unless it is asked for.
import type { Command } from 'commander'
import { ownKeys } from '../../decide/secret/presets.ts'
import { listsSecrets } from '../../decide/secret/listed-secrets.ts'
import { secretIdOf } from '../../decide/secret/secret-id.ts'
import { readClient, readSecret } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { clusterFlags, textTable, withClusterFlags } from '../terminal.ts'
import type { PluginSession } from '../terminal.ts'
import { addNewSecretCommand } from './new-secret.ts'
import { reportFault } from './report-fault.ts'

const rights = 'to get the OIDCClient and its Secret'

export function addSecretCommand(program: Command, session: PluginSession): void {
  const command = withClusterFlags(program.command('secret'))
    .description(
      "Shows the application's Secret. The client secret, and each value that contains it, is hidden unless --as asks for it.",
    )
    .argument('<name>', 'the OIDCClient')
    .option(
      '--as <form>',
      'print values, with the secret: env (lines for a shell), json, or one key such as client_secret',
    )
    .addHelpText(
      'after',
      '\nExample:\n  kubectl nauthera secret grafana -n monitoring\n  eval "$(kubectl nauthera secret report --as env)"',
    )
    .action((name: string, options: ClusterFlags & { readonly as?: string }) => showSecret(name, options, session))
  addNewSecretCommand(command, session)
}

function showSecret(
  name: string,
  options: ClusterFlags & { readonly as?: string },
  { terminal, exit }: PluginSession,
): void {
  const flags = clusterFlags(options)
  const found = readClient(terminal.kubectl, name, flags)
  if (found.kind !== 'found') return exit(reportFault(found, terminal, rights))
  const { metadata, status } = found.value
  if (listsSecrets(found.value)) {
    terminal.error(`${name} lists its secrets in spec.secret.verifiers: its owner keeps them, and there is no Secret\n`)
    return exit(1)
  }
  if (status?.secret?.name === undefined) {
    terminal.error(`${name} has no Secret yet: kubectl nauthera why ${name}\n`)
    return exit(1)
  }
  const secret = readSecret(terminal.kubectl, status.secret.name, { ...flags, namespace: metadata.namespace })
  if (secret.kind !== 'found') return exit(reportFault(secret, terminal, rights))
  const { as } = options
  if (as === undefined) return terminal.out(hiddenText(secret.value, status.secret.activeId))
  if (as === 'json') return terminal.out(`${JSON.stringify(secret.value, null, 2)}\n`)
  if (as === 'env') return terminal.out(envText(secret.value, found.value.spec.secret?.keys))
  const value = Object.hasOwn(secret.value, as) ? secret.value[as] : undefined
  if (value !== undefined) return terminal.out(value)
  terminal.error(`--as ${as}: is neither env, json nor a key of the Secret: ${Object.keys(secret.value).join(', ')}\n`)
  exit(2)
}

type Values = Readonly<Record<string, string>>

/** A template may have the secret within a longer text, encoded too. Where no value is the secret that the operator wrote, all are hidden.
 *  @param activeId undefined: the client has no secret */
function hiddenText(values: Values, activeId: string | undefined): string {
  const plain =
    activeId === undefined ? undefined : Object.values(values).find((value) => secretIdOf(value) === activeId)
  const forms = plain === undefined ? [] : [plain, encodeURIComponent(plain), ...insideBase64(plain)]
  const isHidden = (value: string): boolean =>
    activeId !== undefined && (plain === undefined || forms.some((form) => value.includes(form)))
  return textTable(
    Object.entries(values).map(([key, value]) => [
      key,
      isHidden(value) ? `(hidden; --as ${key} prints it)` : JSON.stringify(value).slice(1, -1),
    ]),
  )
}

/** @returns what of its base64 is the same wherever it stands in a longer text: one for each place in a group of three bytes */
const insideBase64 = (plain: string): readonly string[] =>
  [0, 1, 2].map((before) => {
    const text = Buffer.from(`${'.'.repeat(before)}${plain}`)
      .toString('base64')
      .replace(/={1,2}$/, '')
    return text.slice(before === 0 ? 0 : 4, -2)
  })

/** A shell takes these lines for its own, and a tenant may name keys as it likes: PATH, or PROMPT_COMMAND. So a name of ours stays, a key
 *  that was renamed has its usual name, and any other one gets a prefix that no program reads.
 *  @param renamed `spec.secret.keys`
 *  @returns `CLIENT_ID='demo.report'`, a line for each key */
const envText = (values: Values, renamed: Values = {}): string => {
  const usual = new Map(Object.entries(renamed).map(([key, name]) => [name, key]))
  const variables = Object.entries(values).map(([key, value]) => {
    const own = usual.get(key) ?? key
    return [`${ownKeys.has(own) ? '' : foreignPrefix}${variableOf(own)}`, value] as const
  })
  return variables.map(([name, value]) => `${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`).join('')
}

const foreignPrefix = 'SECRET_'

const variableOf = (key: string): string => key.toUpperCase().replace(/[^A-Z0-9]/g, '_')
