import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Lacking, findProgram } from './prepare.ts'
import { startProgram } from './running.ts'

/** @returns its path @throws Lacking */
export function findDovecot(): string {
  if (process.getuid!() !== 0) throw new Lacking('Dovecot wants to be started by root')
  return findProgram('dovecot', 'dovecot-imapd')
}

/** A mail server that takes the token of a person as their password, and asks `userinfo` whose it is. */
export async function startDovecot({
  folder,
  port,
  userinfo,
}: {
  folder: string
  port: number
  userinfo: string
}): Promise<void> {
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'mail'))
  await chmod(join(folder, 'mail'), 0o777)
  const oauth2 = [`introspection_url = ${userinfo}`, 'introspection_mode = auth', 'username_attribute = email']
  await writeFile(join(folder, 'oauth2.conf'), `${oauth2.join('\n')}\n`)
  const lines = [
    `base_dir = ${folder}/run`,
    'log_path = /dev/stderr',
    'protocols = imap',
    'listen = 127.0.0.1',
    'ssl = no',
    'disable_plaintext_auth = no',
    'auth_mechanisms = xoauth2 oauthbearer',
    `mail_location = maildir:${folder}/mail/%u`,
    `service imap-login {\n  inet_listener imap {\n    port = ${port}\n  }\n  inet_listener imaps {\n    port = 0\n  }\n}`,
    `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${folder}/oauth2.conf\n}`,
    `userdb {\n  driver = static\n  args = uid=nobody gid=nogroup home=${folder}/mail/%u\n}`,
    'first_valid_gid = 1',
  ]
  await writeFile(join(folder, 'dovecot.conf'), `${lines.join('\n')}\n`)
  const dovecot = startProgram({ command: findDovecot(), args: ['-F', '-c', join(folder, 'dovecot.conf')] })
  await dovecot.line(/starting up/)
}
