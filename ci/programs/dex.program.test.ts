import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse, stringify } from 'yaml'
import { claimsOfJwt } from '@nauthera/harness/flows'
import { blocksOf } from '../test/support/page-blocks.ts'
import { goBuild } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'

const version = '2026-08-06'

/** Tokens of Dex. */
interface Session {
  readonly access_token: string
  readonly id_token: string
}

interface Values {
  readonly config: { readonly connectors: { config: Record<string, unknown> }[] }
}

/** The values of the page, with addresses of this trial, what a Dex of one's own needs, and an application. */
function configOf(url: string, port: number, home: string) {
  const block = blocksOf('docs/integrations/dex.md').find(({ text }) => text.includes('connectors:'))
  const { config } = parse(block!.text) as Values
  config.connectors[0]!.config['redirectURI'] = `${url}/callback`
  return {
    ...config,
    issuer: url,
    storage: { type: 'memory' },
    web: { http: `127.0.0.1:${port}` },
    oauth2: { skipApprovalScreen: true },
    staticClients: [{ id: 'app', name: 'App', public: true, redirectURIs: [home] }],
  }
}

tryProgram({
  page: 'dex',
  name: 'Dex as a broker',
  version,
  prepare: () => goBuild('ci/programs/dex', 'github.com/dexidp/dex/cmd/dex', version),

  async start({ url, port, folder, ...trial }, command) {
    const home = `${url}/healthz/done`
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/callback`],
      secret: { presets: ['Env'] },
    })
    const file = join(folder, 'config.yaml')
    await writeFile(file, stringify(configOf(url, port, home)))
    const start = { command, args: ['serve', file] }
    const take = trial.runs((env) => ({ ...start, env }), `${url}/.well-known/openid-configuration`)
    await take(secret)
    const form = { client_id: 'app', redirect_uri: home }
    const asked = new URLSearchParams({ ...form, response_type: 'code', scope: 'openid profile email groups' })
    const begin = `${url}/auth/nauthera?${String(asked)}`
    return {
      take,
      begin,
      async signIn(): Promise<Session> {
        const back = await trial.visitor().open(begin)
        expect(back.url).to.include(`${home}?`)
        const code = new URL(back.url).searchParams.get('code')!
        const body = new URLSearchParams({ ...form, grant_type: 'authorization_code', code })
        const tokens = await fetch(`${url}/token`, { method: 'POST', body })
        return (await tokens.json()) as Session
      },
      async whoIs({ access_token: token }: Session) {
        const answer = await fetch(`${url}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
        return answer.ok ? ((await answer.json()) as Record<string, unknown>) : undefined
      },
    }
  },

  steps: {
    'signs in': async ({ begin, visitor }) => {
      const { headers } = await visitor().look(begin)
      expect(headers.location).to.include('code_challenge_method=S256')
    },
    'name and groups': ({ session }) =>
      expect(claimsOfJwt(session.id_token)).to.deep.include({
        name: 'ada Example',
        email: 'ada@example.com',
        groups: ['developers', 'platform'],
      }),
    refreshes: 'the connector of the page asks for no refresh token',
    'signs out': 'it keeps no session by default',
  },
})
