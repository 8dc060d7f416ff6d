// What the walks through the standards share: one server with a client of each kind, and how its answers are read.
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

/** A paragraph of a standard, what is shown of it, and the showing. */
export type WalkRow = readonly [section: string, sentence: string, show: () => Promise<unknown>]

export const api = 'https://api.example.com'

/** @param more clients of one walk alone */
export async function startWalked(more: readonly ReturnType<typeof entry>[] = []): Promise<ServerReplicas> {
  const replicas = await startReplicas()
  const web = { ...configs.web, scopes: ['openid', 'profile', 'email', 'address', 'phone', 'groups', 'offline_access'] }
  await replicas.serve([
    entry('app.web', web),
    entry('app.asks', { ...web, consent: ConsentMode.EXPLICIT }),
    entry('app.post', { ...web, tokenEndpointAuthMethod: 'client_secret_post' }),
    entry(
      'app.reader',
      { ...web, scopes: [...web.scopes, 'read'], audiences: [api] },
      { granted: { [api]: ['read'] } },
    ),
    entry('app.spa', configs.spa),
    entry('app.native', {
      ...configs.spa,
      type: 'Native',
      redirectUris: ['http://127.0.0.1/callback', 'com.example.app:/callback'],
    }),
    entry('app.machine', { ...configs.machine, scopes: ['read'] }, { granted: { [api]: ['read'] } }),
    entry('app.api', configs.api),
    ...more,
  ])
  await addPerson(replicas, 'ada', ['engineers'])
  await addPerson(replicas, 'bob')
  return replicas
}

/** Opens an authorization request. @param parameters over those of a good one; undefined leaves one out */
export function openRequest(
  replicas: ServerReplicas,
  parameters: Readonly<Record<string, string | undefined>>,
  browser = new Browser(replicas),
): ReturnType<Browser['follow']> {
  const all = { ...request(pkce()), ...parameters }
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >
  return browser.follow(authorizationUrl(replicas.issuer, given))
}

/** @returns `code`, the error that the client gets, the page that the person sees, or the status of an error page */
export function outcomeOf(page: Answer & { location?: string }): string {
  if (page.location !== undefined) {
    const { search, hash } = new URL(page.location)
    const searchParams = new URLSearchParams(search || hash.slice(1))
    return searchParams.get('error') ?? (searchParams.has('code') ? 'code' : page.location)
  }
  if (page.status !== 200) return String(page.status)
  if (page.body.includes('id="password"')) return 'sign-in'
  if (page.body.includes('id="account-continue"')) return 'account'
  if (page.body.includes('id="consent-allow"')) return 'consent'
  return page.body
}

export const askToken = (
  replicas: ServerReplicas,
  form: Record<string, string> | [string, string][],
  headers: Record<string, string> = basic('app.web', clientSecret),
): Promise<Answer> => send(replicas, { path: '/token', form, headers })

export const askUserinfo = (replicas: ServerReplicas, token: string): Promise<Answer> =>
  send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })
