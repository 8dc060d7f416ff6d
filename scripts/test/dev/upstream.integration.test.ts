import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { holdFreePort } from '@nauthera/local/processes/ports'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startUpstream } from '../../dev/upstream.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

describe(startUpstream.name, () => {
  it('is a provider that knows the first one as its client, and has a person who signs in there', async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const state = mkdtempSync(join(root, '.nauthera/test-'))
    const forget = reapDirectory(state)
    const [port, lines, steps]: [Awaited<ReturnType<typeof holdFreePort>>, string[], string[]] = [
      await holdFreePort(),
      [],
      [],
    ]
    const upstream = await startUpstream({
      directory: join(state, 'upstream'),
      issuer: 'http://localhost:8080',
      port,
      keep: false,
      onLine: (process) => void lines.push(process),
      onStep: (step) => void steps.push(step),
    })
    try {
      const [settings] = upstream.upstreams as { clientId: string; clientSecretFile: string; issuer: string }[]
      const { issuer, clientId, clientSecretFile } = settings!
      expect(issuer).to.equal(upstream.issuer)
      expect(readFileSync(clientSecretFile, 'utf8')).to.match(/^\S{20,}$/)
      const browser = new Browser({ issuer, origin: () => issuer })
      const { challenge } = pkce()
      const redirectUri = 'http://localhost:8080/federation/corp/callback'
      const request = { client_id: clientId, response_type: 'code', redirect_uri: redirectUri, scope: 'openid groups' }
      const url = authorizationUrl(issuer, { ...request, code_challenge: challenge, code_challenge_method: 'S256' })
      const page = await browser.follow(url)
      const { name: username, password } = upstream.person
      const signedIn = await browser.submit(page, '/sign-in', { username, password })
      const end = signedIn.location ? signedIn : await browser.submit(signedIn, '/consent', { decision: 'allow' })
      expect(end.location).to.match(/^http:\/\/localhost:8080\/federation\/corp\/callback\?code=/)
      expect(steps.every((step) => step.startsWith('the other provider: '))).to.equal(true)
      expect(new Set(lines)).to.include('corp-server')
    } finally {
      await upstream.stop()
      forget()
    }
  }).timeout(180_000)
})
