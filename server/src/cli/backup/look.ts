// nauthera backup verify and secrets: what is in a file, without a database.
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { print } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { openFile, openKeys, parseDigest, readRows, rowsIn } from './opened.ts'
import { renderSecrets } from './secret-files.ts'

export function addVerifyCommand(backup: Command, session: CommandSession): void {
  backup
    .command('verify')
    .description('check that a backup is whole; needs no database')
    .argument('<file>', 'the file; - reads standard input')
    .option('--key <file>', 'private key (PEM) of a recipient: opens every row; without it only the digest is compared')
    .option('--sha256 <digest>', 'the digest that was noted when it was made', parseDigest)
    .addHelpText(
      'after',
      `
Examples:
  nauthera backup verify nauthera-auth.example.com-20260131T080000Z-3f2a91c0.backup
  nauthera backup verify auth.backup --key recipient.key`,
    )
    .action(async (file: string, { key, sha256 }: { key?: string; sha256?: string }) => {
      const opened = await openFile(session, file)
      const keys = key === undefined ? undefined : await openKeys(session, opened, key)
      const manifest = keys === undefined ? await opened.manifest(sha256) : await readRows(opened, keys, { sha256 })
      const { createdAt, release, issuer } = opened.head
      const secrets = keys && Object.keys(keys.secrets)
      const checked = keys === undefined ? 'digest' : 'digest, keys, rows'
      print(
        session,
        [{ createdAt, release, issuer, rows: rowsIn(manifest), secrets, checked, sha256: manifest.sha256 }],
        ['createdAt', 'release', 'issuer', 'rows', 'secrets', 'checked', 'sha256'],
      )
    })
}

export function addSecretsCommand(backup: Command, session: CommandSession): void {
  backup
    .command('secrets')
    .description('print the key-encryption ring and the other sealed Secrets, for kubectl apply')
    .requiredOption('--from <file>', 'the backup; - reads standard input')
    .requiredOption('--key <file>', 'private key (PEM) of a recipient; - reads standard input')
    .option('--ring-name <name>', 'name of the Secret with the ring', 'nauthera-keys')
    .addHelpText(
      'after',
      `
What it prints opens everything: it does not print to a terminal.

Example:
  nauthera backup secrets --from auth.backup --key recipient.key | kubectl -n auth apply -f -`,
    )
    .action(async ({ from, key, ringName }: { from: string; key: string; ringName: string }) => {
      if (session.terminal.stdout.isTTY === true) {
        const message = 'these are secrets: send them to "kubectl apply -f -"'
        throw new CodedError('USAGE_INVALID', { faults: [{ path: 'output', message }] })
      }
      const keys = await openKeys(session, await openFile(session, from), key)
      session.terminal.stdout.write(renderSecrets(keys, ringName))
    })
}
