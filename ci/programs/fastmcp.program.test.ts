import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import type { SecretData } from '../test/support/given-secret.ts'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '4.2.3'

tryProgram({
  page: 'fastmcp',
  name: 'FastMCP, its server (JWTVerifier, RemoteAuthProvider) and its client',
  version,
  betweenKeyReadsMs: 30_000,
  prepare: () => pipInstall(`fastmcp@${version}`, [`fastmcp==${version}`]),

  async start({ url, issuer, visitor, ...trial }, bin) {
    const callback = await freePort()
    const api = await issuer.client('tools', {
      type: 'M2M',
      resourceServer: {
        identifier: `${url}/mcp`,
        scopes: [{ name: 'tools:use' }],
        tokens: { signingAlg: 'RS256', claims: ['preferred_username', 'groups'] },
      },
    })
    const command = join(bin, 'python')
    const server = startProgram({ command, args: ['ci/programs/fastmcp/server.py'], env: { ...api, URL: url } })
    await server.answers(`${url}/mcp`)
    let secret = await trial.client({
      type: 'Web',
      redirectURIs: [`http://localhost:${callback}/callback`],
      audiences: [`${url}/mcp`],
      scopes: ['openid', 'profile', 'groups', 'offline_access', 'tools:use'],
    })
    return {
      take: async (rotated: SecretData) => Promise.resolve((secret = rotated)),
      /** Starts a client. @returns the person as the server knows her, by its first token and by one of a refresh */
      async signIn() {
        const env = { ...secret, URL: url, CALLBACK_PORT: String(callback) }
        const client = startProgram({ command, args: ['ci/programs/fastmcp/client.py'], env })
        const said = async (word: string) => (await client.line(new RegExp(`^${word} `))).slice(word.length + 1)
        const address = await said('open')
        // it sends the person away before it listens for the answer
        await client.answers(`http://localhost:${callback}/`)
        await visitor().open(address)
        const answers = [await said('first'), await said('second')]
        await client.ended
        return answers.map((line) => JSON.parse(line) as Record<string, unknown>)
      },
      whoIs: ([first]: Record<string, unknown>[]) => Promise.resolve(first),
    }
  },

  steps: {
    'name and groups': ({ person }) =>
      expect(person).to.deep.include({ preferred_username: 'ada', groups: ['developers', 'platform'] }),
    refreshes: async ({ issuer, signIn }) => {
      const before = issuer.refreshed()
      expect((await signIn())[1]).to.have.property('preferred_username', 'ada')
      expect(issuer.refreshed()).to.equal(before + 1)
    },
    'signs out': 'a client of MCP has no sign-out',
  },
})
