import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import { addPerson } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { afterPassword, giveApp, setUpApp } from '../../login/second-factor-flows.ts'
import { casesOfTriples } from './triples.ts'
import { openRequest, outcomeOf, startWalked } from './walked.ts'

// OpenID Connect Core 3.1.2.1: all that a request may say about a person, in one table. Every combination would be 41,472 requests; here
// every three values of three parameters meet at least once. What is expected follows from the rules below alone.

const mfa = 'urn:nauthera:mfa'
const password = 'urn:nauthera:password'

const dimensions = {
  /** Who is signed in: carl with the password alone, by a session that he kept as he set up an authenticator app, grace with both, ada has none. */
  session: ['nobody', 'ada', 'carl', 'grace'],
  client: ['app.web', 'app.asks'],
  prompt: [undefined, 'none', 'login', 'consent', 'select_account', 'login consent', 'none login', 'login unknown'],
  max_age: [undefined, '0', '3600'],
  /** Whose ID token is the hint. */
  hint: [undefined, 'the same person', 'bob'],
  acr_values: [undefined, password, mfa, 'urn:example:unknown', `urn:example:unknown ${mfa}`, `${mfa} ${password}`],
  ui_locales: [undefined, 'de-CH en', 'sv', 'sv de'],
  login_hint: [undefined, 'bob', '"><script>alert(1)</script>'],
} as const

type Asked = { readonly [Name in keyof typeof dimensions]: (typeof dimensions)[Name][number] }

/** An error, `code`, or a page with its language, and with the name in its form. */
function expected(asked: Asked): string {
  const prompt = new Set(asked.prompt?.split(' '))
  // a word that no standard defines asks for nothing
  if (prompt.has('none') && prompt.size > 1) return 'invalid_request'
  const mustSignIn = asked.session === 'nobody' || prompt.has('login') || asked.max_age === '0' || asked.hint === 'bob'
  // of what is wished for, whatever is known counts, and the weakest of it is enough
  const wished = asked.acr_values?.split(' ') ?? []
  const lacksFactor = wished.includes(mfa) && !wished.includes(password) && asked.session !== 'grace'
  const mustAgree = prompt.has('consent') || asked.client === 'app.asks'
  if (prompt.has('none')) return mustSignIn || lacksFactor ? 'login_required' : mustAgree ? 'consent_required' : 'code'
  const language = asked.ui_locales?.includes('de') ? 'de' : 'en'
  if (asked.session !== 'nobody' && prompt.has('select_account')) return `account ${language}`
  // who has a session and no second factor signs in again before setting one up; who has one is asked for it alone
  if (mustSignIn || (lacksFactor && asked.session === 'ada')) {
    // who is not wanted is not named
    const isKnown = asked.session !== 'nobody' && asked.hint !== 'bob'
    return `sign-in ${language} ${isKnown ? asked.session : (asked.login_hint ?? '')}`
  }
  if (lacksFactor) return `second-factor ${language}`
  return mustAgree ? `consent ${language}` : 'code'
}

describe('Core 3.1.2.1 all parameters about the person together', function () {
  let replicas: ServerReplicas
  /** Of a client and a person: `app.web ada`. */
  const idTokens: Record<string, string> = {}
  const browsers: Record<string, Browser> = {}
  before(async () => {
    replicas = await startWalked()
    const [carl] = [await addPerson(replicas, 'carl'), await addPerson(replicas, 'grace')]
    browsers['nobody'] = new Browser(replicas)
    for (const username of ['ada', 'bob', 'carl']) browsers[username] = await signedIn(username)
    await giveApp(replicas, carl)
    const begun = await afterPassword(replicas, { username: 'grace', parameters: { acr_values: mfa } })
    await setUpApp(replicas, begun)
    browsers['grace'] = await signedIn('grace', begun.browser)
  })
  after(() => replicas.stop())

  /** @returns a browser with a session of the person, whose ID tokens are kept */
  async function signedIn(username: string, browser = new Browser(replicas)): Promise<Browser> {
    for (const clientId of dimensions.client) {
      const code = await fetchCode(replicas, { username, browser, parameters: { client_id: clientId } })
      idTokens[`${clientId} ${username}`] = tokensOf(await redeem(replicas, code, { clientId })).id
    }
    return browser
  }

  async function seen({ session, client, hint, ...parameters }: Asked): Promise<string> {
    const hinted = hint === 'bob' ? 'bob' : session === 'nobody' ? 'ada' : session
    const page = await openRequest(
      replicas,
      { client_id: client, ...parameters, id_token_hint: hint && idTokens[`${client} ${hinted}`] },
      browsers[session]!.copy(),
    )
    if (page.location !== undefined) return outcomeOf(page)
    expect(page.body).to.not.contain('<script>')
    const shown = page.body.includes('id="second-factor"') ? 'second-factor' : outcomeOf(page)
    const language = /<html lang="(\w+)"/.exec(page.body)?.[1]
    if (shown !== 'sign-in') return `${shown} ${language}`
    const name = /id="username"[^>]* value="([^"]*)"/.exec(page.body)?.[1] ?? 'no name'
    return `${shown} ${language} ${name.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"')}`
  }

  const cases = casesOfTriples(dimensions)
  for (const prompt of dimensions.prompt) {
    const ofPrompt = cases.filter((asked) => asked.prompt === prompt)
    it(`prompt ${prompt ?? 'left out'}: ${ofPrompt.length} requests, each with one answer`, async () => {
      const answers: Record<string, string> = {}
      const wanted: Record<string, string> = {}
      for (const { prompt: _prompt, ...rest } of ofPrompt) {
        const name = JSON.stringify(rest)
        wanted[name] = expected({ prompt, ...rest })
        answers[name] = await seen({ prompt, ...rest })
      }
      expect(answers).to.deep.equal(wanted)
    })
  }

  it('every three values of three parameters meet in it', () => {
    const names = Object.keys(dimensions) as (keyof Asked)[]
    for (const one of names)
      for (const two of names)
        for (const three of names) {
          const met = new Set(cases.map((asked) => JSON.stringify([asked[one], asked[two], asked[three]])))
          const sizes = [...new Set([one, two, three])].map((name): number => dimensions[name].length)
          expect(met.size, `${one} ${two} ${three}`).to.equal(sizes.reduce((product, size) => product * size, 1))
        }
  })

  it('each answer that there is was given in this table', () => {
    const kinds = new Set(cases.map((asked) => expected(asked).split(' ')[0]!))
    expect([...kinds].toSorted()).to.deep.equal([
      'account',
      'code',
      'consent',
      'consent_required',
      'invalid_request',
      'login_required',
      'second-factor',
      'sign-in',
    ])
  })
})
