import { once } from 'node:events'
import { connect } from 'node:net'
import { expect } from 'chai'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import { findDovecot, startDovecot } from './support/dovecot.ts'
import { tryProgram } from './support/program.ts'

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
  page: 'dovecot',
  name: 'Dovecot, with the token of a mail program',
  version: '2.3.19.1',
  prepare: async () => Promise.resolve(findDovecot()),

  async start({ port, folder, issuer, ...trial }) {
    const secret = await trial.client({ type: 'Web', redirectURIs: [redirectUri] })
    await startDovecot({ folder, port, userinfo: secret['userinfo_endpoint']! })
    const [id, plain] = [secret['client_id']!, secret['client_secret']!]
    return {
      /** It asks with the token of the person. */
      take: () => Promise.resolve(),
      /** What a mail program does. */
      async signIn() {
        const parameters = { client_id: id, redirect_uri: redirectUri, scope: 'openid email' }
        const code = await fetchCode(issuer.replicas, { parameters })
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
