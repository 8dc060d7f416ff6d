import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import type { ServerReplicas } from '@nauthera/harness/server'
import { openRequest, outcomeOf, startWalked } from './walked.ts'

// OpenID Connect Core 3.1.2.1: what an authorization request comes to, for every combination of what it may say about the person.
// What is expected follows from the standard alone, by the rules below.

interface Asked {
  /** Who is signed in to the browser. */
  readonly session: 'nobody' | 'ada'
  readonly client: 'app.web' | 'app.asks'
  readonly prompt?: string
  readonly max_age?: string
  /** Whose ID token is the hint. */
  readonly hint?: 'ada' | 'bob'
}

const sessions = ['nobody', 'ada'] as const
const clients = ['app.web', 'app.asks'] as const
const prompts = [
  undefined,
  'none',
  'login',
  'consent',
  'select_account',
  'login consent',
  'none login',
  'Welcome back!',
] as const
const ages = [undefined, '0', '3600'] as const
const hints = [undefined, 'ada', 'bob'] as const

function expected(asked: Asked): string {
  const prompt = new Set(asked.prompt?.split(' '))
  // a word that no standard defines asks for nothing
  if (prompt.has('none') && prompt.size > 1) return 'invalid_request'
  const mustSignIn =
    asked.session === 'nobody' ||
    prompt.has('login') ||
    asked.max_age === '0' ||
    (asked.hint !== undefined && asked.hint !== asked.session)
  const mustAgree = prompt.has('consent') || asked.client === 'app.asks'
  if (prompt.has('none')) return mustSignIn ? 'login_required' : mustAgree ? 'consent_required' : 'code'
  // first who, then the proof
  if (asked.session !== 'nobody' && prompt.has('select_account')) return 'account'
  if (mustSignIn) return 'sign-in'
  return mustAgree ? 'consent' : 'code'
}

describe('Core 3.1.2.1 a request with', function () {
  let replicas: ServerReplicas
  /** Of a client and a person: `app.web ada`. A hint is one that the same client got. */
  const idTokens: Record<string, string> = {}
  const browsers: Record<string, Browser> = {}
  before(async () => {
    replicas = await startWalked()
    browsers['nobody'] = new Browser(replicas)
    for (const username of ['ada', 'bob']) {
      browsers[username] = new Browser(replicas)
      for (const clientId of clients) {
        const code = await fetchCode(replicas, {
          username,
          browser: browsers[username],
          parameters: { client_id: clientId },
        })
        idTokens[`${clientId} ${username}`] = tokensOf(await redeem(replicas, code, { clientId })).id
      }
    }
  })
  after(() => replicas.stop())

  for (const prompt of prompts) {
    it(`prompt ${prompt ?? 'left out'}: what it comes to for each session, client, max_age and id_token_hint`, async () => {
      const seen: Record<string, string> = {}
      const wanted: Record<string, string> = {}
      for (const session of sessions)
        for (const client of clients)
          for (const max_age of ages)
            for (const hint of hints) {
              const asked = { session, client, prompt, max_age, hint } as Asked
              const name = JSON.stringify({ session, client, max_age, hint })
              wanted[name] = expected(asked)
              const page = await openRequest(
                replicas,
                {
                  client_id: client,
                  prompt,
                  max_age,
                  id_token_hint: hint === undefined ? undefined : idTokens[`${client} ${hint}`],
                },
                browsers[session]!.copy(),
              )
              seen[name] = outcomeOf(page)
            }
      expect(seen).to.deep.equal(wanted)
    })
  }

  it('prompt select_account and max_age 0: the account that was chosen is proved again', async () => {
    for (const parameters of [{ max_age: '0' }, { id_token_hint: idTokens['app.web bob']! }]) {
      const browser = browsers['ada']!.copy()
      const page = await openRequest(replicas, { prompt: 'select_account', ...parameters }, browser)
      const next = await browser.submit(page, '/account', { choice: 'continue' })
      expect(outcomeOf(next)).to.equal('sign-in')
    }
  })

  for (const max_age of ['-1', '1.5', 'one', '9007199254740993', ''])
    it(`max_age ${max_age || 'empty'}, which is no number of seconds, is refused, or is as if it were not there`, async () => {
      const outcome = outcomeOf(await openRequest(replicas, { max_age }, browsers['ada']!.copy()))
      expect(outcome).to.equal(max_age === '' ? 'code' : 'invalid_request')
    })

  it('an id_token_hint that is no ID token of this issuer for this client is refused', async () => {
    for (const hint of ['x', 'a.b.c', `${idTokens['app.web ada']!.slice(0, -6)}AAAAAA`, idTokens['app.asks ada']!])
      expect(outcomeOf(await openRequest(replicas, { id_token_hint: hint }, browsers['ada']!.copy()))).to.equal(
        'invalid_request',
      )
  })

  it('a login_hint has the name in the form, and never signs anybody in', async () => {
    for (const login_hint of ['bob', '"><script>', 'x'.repeat(300)]) {
      const page = await openRequest(replicas, { login_hint })
      expect(outcomeOf(page)).to.equal('sign-in')
      expect(page.body).to.not.contain('<script>')
      if (login_hint === 'bob') expect(page.body).to.match(/id="username"[^>]* value="bob"/)
    }
    expect(outcomeOf(await openRequest(replicas, { login_hint: 'bob' }, browsers['ada']!.copy()))).to.equal('code')
  })

  for (const [ui_locales, language] of [
    ['de', 'de'],
    ['de-CH sv en', 'de'],
    ['sv de', 'de'],
    ['sv', 'en'],
    ['', 'en'],
    ['<x> %%', 'en'],
  ])
    it(`ui_locales "${ui_locales}" has its pages in ${language}`, async () => {
      const page = await openRequest(replicas, { ui_locales })
      expect(page.body).to.contain(`<html lang="${language}"`)
    })

  for (const [acr_values, outcome] of [
    ['urn:nauthera:password', 'code'],
    ['urn:example:unknown', 'code'],
    ['urn:example:unknown urn:nauthera:password', 'code'],
  ] as const)
    it(`acr_values ${acr_values}, as what is wished for, comes to ${outcome}`, async () => {
      expect(outcomeOf(await openRequest(replicas, { acr_values }, browsers['ada']!.copy()))).to.equal(outcome)
    })
})
