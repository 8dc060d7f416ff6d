// The command `secret new`: a client secret for an object in Git, with the SHA-256 that the object lists.
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { Secret } from '@nauthera/runtime/secret'
import { identifySecret } from '../../decide/secret/secret-id.ts'
import { machineText, outputOption } from '../terminal.ts'
import type { MachineFormat, PluginSession } from '../terminal.ts'

export function addNewSecretCommand(secret: Command, { terminal }: PluginSession): void {
  secret
    .command('new')
    .description(
      'Makes a client secret of 256 random bits that you keep yourself, and prints it this once with its SHA-256. The OIDCClient lists the SHA-256 in secret.verifiers. It asks no cluster.',
    )
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kubectl nauthera secret new -o json > new-secret.json')
    .action(({ output }: { readonly output?: MachineFormat }) => {
      const plain = new Secret(randomBytes(32).toString('base64url'))
      const { id, sha256 } = identifySecret(plain)
      const spec = { secret: { verifiers: [{ sha256 }] } }
      terminal.out(
        output === undefined
          ? pairText(plain, id, machineText('yaml', spec))
          : machineText(output, { client_secret: plain.reveal(), id, spec }),
      )
    })
}

const pairText = (plain: Secret, id: string, spec: string): string =>
  [
    '# The client secret. Nothing shows it again: put it where the program reads it.',
    `client_secret: ${plain.reveal()}`,
    '',
    `# For spec of the OIDCClient. Statuses and logs name the secret ${id}.`,
    spec,
  ].join('\n')
