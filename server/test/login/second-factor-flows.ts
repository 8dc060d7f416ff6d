// The pages of a second factor, as a browser without JavaScript goes through them.
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import type { Code } from '@nauthera/harness/flows'
import { password } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { codeAt, mintSeed } from '../../src/users/factors/totp.ts'
import { softwarePasskey } from '../users/factors/software-passkey.ts'

export type Shown = Awaited<ReturnType<Browser['follow']>>

/** Where a sign-in stands: at a page, with what it needs to go on. */
export interface Begun {
  readonly browser: Browser
  readonly proof: ReturnType<typeof pkce>
  readonly page: Shown
}

/** The page after the right password. */
export async function afterPassword(
  replicas: ServerReplicas,
  options: { username?: string; browser?: Browser; parameters?: Record<string, string> } = {},
): Promise<Begun> {
  const { username = 'ada', browser = new Browser(replicas), parameters = {} } = options
  const proof = pkce()
  const first = await browser.follow(authorizationUrl(replicas.issuer, request(proof, parameters)))
  const page = await browser.submit(first, '/sign-in', { username, password })
  return { browser, proof, page }
}

/** Begins a request in a browser that has a session. */
export async function inSession(
  replicas: ServerReplicas,
  browser: Browser,
  parameters: Record<string, string> = {},
): Promise<Begun> {
  const proof = pkce()
  return { browser, proof, page: await browser.follow(authorizationUrl(replicas.issuer, request(proof, parameters))) }
}

export function codeOf({ browser, proof, page }: Begun): Code {
  const back = new URL(page.location ?? `about:blank#no-redirect-but-${page.status}`)
  const value = back.searchParams.get('code')
  if (value === null) throw new Error(`no code: ${back.href} ${textOf(page.body)}`)
  return { value, proof, back, browser }
}

/** @returns what a person reads; a long word may be broken and is one all the same */
export const textOf = (html: string): string =>
  html
    .replaceAll('<wbr>', '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')

const matchAll = (html: string, pattern: RegExp): string[] => [...html.matchAll(pattern)].map(([, found = '']) => found)

/** The secret of an authenticator app on a page. */
export const seedIn = (html: string): string => (matchAll(html, /id="secret">([^<]*)</g)[0] ?? '').replace(/\s/g, '')

export const recoveryCodesIn = (html: string): string[] => matchAll(html, /<li><code>([^<]*)</g)

/** The challenge that a page asks a passkey to answer. */
export const passkeyChallengeIn = (html: string): string => {
  const options = (matchAll(html, /data-options="([^"]*)"/g)[0] ?? '{}').replaceAll('&quot;', '"')
  return (JSON.parse(options) as { challenge: string }).challenge
}

export async function submit(at: Begun, action: string, fields: Record<string, string> = {}): Promise<Begun> {
  return { ...at, page: await at.browser.submit(at.page, action, fields) }
}

const forgetSteps = statement('test-forget-steps', `UPDATE factors SET last_step = 0 WHERE kind = 'totp'`)

/** Gives a person a passkey, as the page of the account area does. */
export async function givePasskey({ apps, issuer }: ServerReplicas, userId: string) {
  const { factors, accounts } = apps[0]!.store
  const { origin, hostname: rpId } = new URL(issuer)
  const passkey = softwarePasskey({ origin, rpId, userId })
  const { id: credentialId, publicKey } = passkey
  await factors.enrolPasskey({
    userId,
    standing: (await accounts.load({ userId }))!.standing,
    passkey: { name: 'key', credentialId, publicKey, signCount: 0, synced: true, transports: [] },
    others: { keepsOthers: true },
    challenge: { id: `challenge-of-${credentialId}`, expiresAt: new Date(Date.now() + 60_000) },
    recoveryCodes: ['A'],
    audit: [],
  })
  return passkey
}

/** Gives a person an authenticator app; their sessions go on. @returns its seed */
export async function giveApp({ apps }: ServerReplicas, userId: string): Promise<string> {
  const { factors, accounts } = apps[0]!.store
  const seed = mintSeed()
  await factors.enrolApp({
    userId,
    standing: (await accounts.load({ userId }))!.standing,
    app: { name: 'app', seed, lastStep: 0 },
    others: { keepsOthers: true },
    recoveryCodes: ['A'],
    audit: [],
  })
  return seed
}

/** The present codes count as not used yet, so that a test does not have to wait for the next ones. */
export async function forgetUsedCodes(replicas: ServerReplicas): Promise<void> {
  await replicas.apps[0]!.store.database.query(forgetSteps)
}

/** From the page "set up now" to the client, with an authenticator app. */
export async function setUpApp(replicas: ServerReplicas, at: Begun) {
  const shown = await submit(at, '/set-up')
  const seed = seedIn(shown.page.body)
  const confirmed = await submit(shown, '/set-up-app', { code: codeAt(seed, Date.now()) })
  await forgetUsedCodes(replicas)
  const recoveryCodes = recoveryCodesIn(confirmed.page.body)
  const end = await submit(confirmed, '/codes-saved')
  return { seed, recoveryCodes, end }
}
