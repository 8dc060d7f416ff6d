// What people and programs do with a site, counted: before all of it is lost, and after it has come back from a backup.
import { codeAt } from '@nauthera/server/users/factors/totp'
import { Browser, authorizationUrl, basic, password, pkce, send } from '@nauthera/harness/browser'
import type { Answer, Pkce, Target } from '@nauthera/harness/browser'
import { seedIn } from '../../../server/test/login/second-factor-flows.ts'

export const callback = 'https://app.example.com/callback'
const stepMs = 30_000

/** The client, as an application knows it. */
export interface Application {
  readonly name: string
  readonly clientId: string
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined
}

export interface DrillPerson {
  readonly username: string
  readonly browser: Browser
  /** Of the authenticator app, and the moment whose code was used last. */
  readonly app?: { readonly seed: string; readonly usedAt: number }
}

/** What the application got for a person. */
export interface DrillGrant {
  readonly application: string
  readonly refreshToken: string
  readonly accessToken: string
}

type Page = Awaited<ReturnType<Browser['follow']>>
type Sayings = Readonly<Record<string, (page: Page) => Record<string, string>>>

/** Goes from page to page, as long as one has a form of these. @returns the way back to the application; undefined when a page stays */
async function walk(browser: Browser, url: string, sayings: Sayings): Promise<URL | undefined> {
  let page = await browser.follow(url)
  for (let pages = 0; pages < 8 && page.location === undefined; pages++) {
    const action = Object.keys(sayings).find((one) => page.body.includes(`${one}"`))
    if (action === undefined) return undefined
    page = await browser.submit(page, action, sayings[action]!(page))
  }
  return page.location === undefined ? undefined : new URL(page.location)
}

const requestFor = ({ clientId }: Application, proof: Pkce, more: Record<string, string> = {}) => ({
  client_id: clientId,
  response_type: 'code',
  redirect_uri: callback,
  scope: 'openid email offline_access',
  state: 'a-state',
  code_challenge: proof.challenge,
  code_challenge_method: 'S256',
  ...more,
})
/** Without a refresh token nobody has to be asked each time. */
const silently = { scope: 'openid email' }
const agree: Sayings = { '/consent': () => ({ decision: 'allow', remember: 'on' }) }

export function ask(site: Target, { clientId, clientSecret }: Application, path: string, form: Record<string, string>) {
  return clientSecret === undefined
    ? send(site, { path, form: { ...form, client_id: clientId } })
    : send(site, { path, form, headers: basic(clientId, clientSecret) })
}

/** Signs in, sets up a second factor where one is asked for, and agrees. */
export async function enrol(site: Target, username: string, application: Application) {
  const browser = new Browser(site)
  // the code of the step before counts too, so that the next sign-in need not wait
  const usedAt = Date.now() - stepMs
  let seed: string | undefined
  const grant = await agreeTo(site, browser, application, {
    '/sign-in': () => ({ username, password }),
    '/set-up-app': ({ body }) => ({ code: codeAt((seed = seedIn(body)), usedAt) }),
    '/set-up': () => ({}),
    '/codes-saved': () => ({}),
  })
  const person: DrillPerson = { username, browser, ...(seed === undefined ? {} : { app: { seed, usedAt } }) }
  return { person, grant }
}

/** From a session, or by what is said on the pages, to tokens. */
export async function agreeTo(
  site: Target,
  browser: Browser,
  application: Application,
  sayings: Sayings = {},
): Promise<DrillGrant> {
  const proof = pkce()
  const asked = authorizationUrl(site.issuer, requestFor(application, proof, { prompt: 'consent' }))
  const back = await walk(browser, asked, { ...sayings, ...agree })
  const code = back?.searchParams.get('code')
  if (!code) throw new Error(`${application.name}: no code, but ${back?.href ?? 'a page'}`)
  const answer = await ask(site, application, '/token', {
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    code_verifier: proof.verifier,
  })
  return grantOf(application.name, answer)
}

export function grantOf(application: string, answer: Answer): DrillGrant {
  const { refresh_token: refreshToken, access_token: accessToken } = answer.json() as Record<string, string>
  if (!refreshToken || !accessToken) throw new Error(`${application}: ${answer.status} ${answer.body}`)
  return { application, refreshToken, accessToken }
}

/** A sign-in in a new browser.
 *  @returns whether it led back to the application, and without a question; and the person, with the code that counts as used now */
export async function signInAnew(site: Target, person: DrillPerson, application: Application) {
  const browser = new Browser(site)
  const usedAt = person.app && Math.max(person.app.usedAt + stepMs, Date.now())
  let isAsked = false
  const back = await walk(browser, authorizationUrl(site.issuer, requestFor(application, pkce(), silently)), {
    '/sign-in': () => ({ username: person.username, password }),
    '/second-factor': () => ({ code: codeAt(person.app!.seed, usedAt!) }),
    '/consent': () => {
      isAsked = true
      return { decision: 'allow', remember: 'on' }
    },
  })
  const app = person.app && { ...person.app, usedAt: usedAt! }
  return {
    isSignedIn: back?.searchParams.has('code') === true,
    isAsked,
    person: { ...person, browser, ...(app ? { app } : {}) },
  }
}

/** Asks without a page. @returns `code`, or the error */
export async function askSilently(site: Target, person: DrillPerson, application: Application): Promise<string> {
  const asked = authorizationUrl(site.issuer, requestFor(application, pkce(), { ...silently, prompt: 'none' }))
  const { location, status } = await person.browser.copy().follow(asked)
  const back = location === undefined ? undefined : new URL(location).searchParams
  return back?.has('code') ? 'code' : (back?.get('error') ?? `page ${status}`)
}

/** @param data of its Secret, base64 */
export function applicationOf(name: string, data: Readonly<Record<string, string>>): Application {
  const read = (key: string) => (data[key] === undefined ? undefined : Buffer.from(data[key], 'base64').toString())
  return { name, clientId: read('client_id')!, clientSecret: read('client_secret') }
}
