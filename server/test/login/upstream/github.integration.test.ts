import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { claimsOfJwt, redeem, tokensOf } from '@nauthera/harness/flows'
import { createGitHubUpstream } from '../../../src/login/upstream/github.ts'
import { Traveller, alertOf, hasPage, moveOnOf, startParties } from './parties.ts'
import type { Parties } from './parties.ts'

// A server that answers as GitHub's documentation of its OAuth and REST API says.

interface GitHubUser {
  id: number
  login: string
  name: string | null
  avatar_url: string
  emails: { email: string; primary: boolean; verified: boolean; visibility: string | null }[]
}

describe(createGitHubUpstream.name, () => {
  let github: Server
  let parties: Parties
  let directory: string
  let user: GitHubUser
  const bodies: URLSearchParams[] = []
  const agents: (string | undefined)[] = []
  before(async () => {
    github = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.once('end', () => {
        const say = (what: unknown, status = 200) => {
          response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
          response.end(JSON.stringify(what))
        }
        if (request.url === '/login/oauth/access_token') {
          bodies.push(new URLSearchParams(body))
          // GitHub answers 200 to a wrong code, too
          if (bodies.at(-1)!.get('code') !== 'good') {
            return say({
              error: 'bad_verification_code',
              error_description: 'The code passed is incorrect or expired.',
            })
          }
          return say({
            access_token: 'gho_16C7e42F292c6912E7710c838347Ae178B4a',
            scope: 'read:user,user:email',
            token_type: 'bearer',
          })
        }
        agents.push(request.headers['user-agent'])
        if (request.headers.authorization !== 'Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a')
          return say({ message: 'Bad credentials' }, 401)
        const { emails, ...profile } = user
        if (request.url === '/api/v3/user') return say({ ...profile, email: null, type: 'User' })
        return request.url === '/api/v3/user/emails' ? say(emails) : say({ message: 'Not Found' }, 404)
      })
    })
    const port = await listenOnLoopback(github)
    directory = temporaryDirectory('github')
    writeFileSync(join(directory, 'secret'), 'a-secret-of-github')
    writeFileSync(join(directory, 'id'), 'Iv1.8a61f9b3a7aba766\n')
    const settings = {
      id: 'github',
      name: 'GitHub',
      preset: 'github',
      issuer: `http://localhost:${port}`,
      clientIdFile: join(directory, 'id'),
      clientSecretFile: join(directory, 'secret'),
      newPeople: true,
      emailDomains: ['example.com'],
    }
    parties = await startParties({ more: [settings] })
  })
  after(async () => {
    await parties.stop()
    github.closeAllConnections()
    await new Promise((resolve) => github.close(resolve))
  })
  beforeEach(() => {
    user = {
      id: 583231,
      login: 'octo',
      name: 'Octo Cat',
      avatar_url: 'https://avatars.example.com/u/583231',
      emails: [
        { email: 'octo@users.noreply.example.com', primary: false, verified: true, visibility: null },
        { email: 'octo@example.com', primary: true, verified: true, visibility: 'private' },
      ],
    }
  })

  async function signIn(code = 'good') {
    const person = new Traveller(parties)
    const leaving = await person.submit(await person.begin(), '/upstream/github', {}, () => true)
    const asked = new URL(moveOnOf(leaving)!)
    const query = new URLSearchParams({ code, state: asked.searchParams.get('state')! })
    return {
      person,
      asked,
      seen: await person.go(`${parties.down.issuer}/federation/github/callback?${query.toString()}`),
    }
  }
  async function claims(): Promise<Record<string, unknown>> {
    const { person, seen } = await signIn()
    const value = new URL(seen.location ?? 'http://no.code').searchParams.get('code')
    if (value === null) throw new Error(alertOf(seen))
    return claimsOfJwt(tokensOf(await redeem(parties.down, { value, proof: person.proof })).id)
  }

  it('signs a person in by the number of the account, with the primary verified address', async () => {
    const first = await claims()
    expect(first).to.include({
      preferred_username: 'octo',
      name: 'Octo Cat',
      email: 'octo@example.com',
      email_verified: true,
    })
    expect(first).not.to.have.any.keys('amr', 'acr')
    user.login = 'octo-renamed'
    const second = await claims()
    expect(second['sub']).to.equal(first['sub'])
    expect(bodies.at(-1)!.get('client_id')).to.equal('Iv1.8a61f9b3a7aba766')
    expect(bodies.at(-1)!.get('client_secret')).to.equal('a-secret-of-github')
    expect(bodies.at(-1)!.get('code_verifier')).to.have.length(43)
    expect(agents.every((agent) => agent !== undefined)).to.equal(true)
  })

  it('asks for a code with PKCE and state at the address of GitHub', async () => {
    const { asked } = await signIn()
    expect(asked.pathname).to.equal('/login/oauth/authorize')
    expect(Object.fromEntries(asked.searchParams)).to.include({
      client_id: 'Iv1.8a61f9b3a7aba766',
      scope: 'read:user user:email',
      code_challenge_method: 'S256',
      redirect_uri: `${parties.down.issuer}/federation/github/callback`,
    })
  })

  it('L12 takes another account with a name that was given up for another person', async () => {
    const first = await claims()
    user = { ...user, id: 999, emails: [] }
    const { seen } = await signIn()
    expect(hasPage(seen, 'sign-in')).to.equal(true)
    expect(seen.body).to.include('belongs to an account here')
    expect(first['preferred_username']).to.equal('octo')
  })

  it('takes no address that GitHub has not verified', async () => {
    user = {
      ...user,
      id: 7,
      login: 'mona',
      emails: [{ email: 'mona@example.com', primary: true, verified: false, visibility: null }],
    }
    expect(await claims()).not.to.have.property('email')
  })

  it('lets nobody in whose code GitHub does not take', async () => {
    const { seen } = await signIn('another')
    expect(alertOf(seen)).to.match(/^The answer from GitHub could not be checked/)
  })
})
