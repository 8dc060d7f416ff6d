import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { getCode, redeem, tokensOf } from '@nauthera/harness/flows'
import { Lacking, findProgram } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const redirectUri = 'https://mail.example.com/callback'

/** @returns the tagged answer to a sign-in with a token, such as `a OK Logged in` */
async function signInByImap(port: number, name: string, token: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let said = ''
  socket.on('data', (text: string) => (said += text))
  try {
    await once(socket, 'data')
    const answer = Buffer.from(`user=${name}\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64')
    socket.write(`a AUTHENTICATE XOAUTH2 ${answer}\r\n`)
    for (;;) {
      const found = /^a (OK|NO|BAD).*$/m.exec(said)
      if (found) return found[0]
      // an error is a challenge, which an empty line ends
      if (/^\+ \S+/m.test(said)) socket.write('\r\n')
      await once(socket, 'data')
    }
  } finally {
    socket.destroy()
  }
}

tryProgram({
  name: 'Dovecot, with the token of a mail program',
  version: '2.3.19.1',
  reads:
    'canonical keys: `userinfo_endpoint` as `introspection_url`, with `introspection_mode = auth` and `username_attribute = email`',
  needs: 'it takes no groups',
  async prepare() {
    if (process.getuid!() !== 0) throw new Lacking('Dovecot wants to be started by root')
    return Promise.resolve(findProgram('dovecot', 'dovecot-imapd'))
  },

  async start({ port, folder, issuer, ...trial }, command) {
    const secret = await trial.client({ type: 'Web', redirectURIs: [redirectUri] })
    await chmod(folder, 0o755)
    await mkdir(join(folder, 'mail'))
    await chmod(join(folder, 'mail'), 0o777)
    const oauth2 = [
      `introspection_url = ${secret['userinfo_endpoint']}`,
      'introspection_mode = auth',
      'username_attribute = email',
    ]
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
    const dovecot = startProgram({ command, args: ['-F', '-c', join(folder, 'dovecot.conf')] })
    await dovecot.line(/starting up/)
    const [id, plain] = [secret['client_id']!, secret['client_secret']!]
    return {
      /** It asks with the token of the person. */
      take: () => Promise.resolve(),
      /** What a mail program does. */
      async signIn() {
        const parameters = { client_id: id, redirect_uri: redirectUri, scope: 'openid email' }
        const code = await getCode(issuer.replicas, { parameters })
        const form = { redirect_uri: redirectUri }
        return tokensOf(await redeem(issuer.replicas, code, { clientId: id, secret: plain, form })).access
      },
      async whoIs(token: string) {
        const said = await signInByImap(port, 'ada@example.com', token)
        return said.startsWith('a OK') ? said : undefined
      },
    }
  },

  steps: {
    'name and groups': async ({ port, session: token }) =>
      expect(await signInByImap(port, 'bob@example.com', token)).to.match(/^a NO/),
    refreshes: 'the mail program does it',
    'secret rotated': 'it needs no secret; it asks with the token of the person',
    'signs out': 'the mail program does it',
  },
})
