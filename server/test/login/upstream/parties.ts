// Two Nautheras: at one of them people sign in for the other.
import { Browser, authorizationUrl, formOf, pkce } from '@nauthera/harness/browser'
import type { Answer, Pkce } from '@nauthera/harness/browser'
import { clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

export interface Parties {
  readonly up: ServerReplicas
  readonly down: ServerReplicas
  /** Makes the client of the upper one what it was in the beginning. */
  serveUp(): Promise<void>
  stop(): Promise<void>
}

/** @param options.upstream what differs in the settings of the provider `corp`; @param options.more other providers
 *  @param options.paths each with a path of its own: a real browser keeps cookies apart by path, not by port */
export async function startParties(
  options: {
    upstream?: object
    more?: readonly object[]
    count?: number
    settings?: object
    cache?: { url: string; timeout?: string }
    paths?: boolean
  } = {},
): Promise<Parties> {
  const up = await startReplicas(options.paths ? { path: '/up' } : {})
  const directory = temporaryDirectory('parties')
  const clientSecretFile = join(directory, 'secret')
  writeFileSync(clientSecretFile, clientSecret)
  const corp = {
    id: 'corp',
    name: 'Corp',
    issuer: up.issuer,
    clientId: 'down',
    clientSecretFile,
    scopes: ['openid', 'profile', 'email', 'groups'],
    emailDomains: ['example.com'],
    groups: { map: [{ from: 'staff', to: 'corp-staff' }] },
    ...options.upstream,
  }
  const down = await startReplicas({
    ...(options.paths ? { path: '/down' } : {}),
    count: options.count ?? 1,
    settings: { upstreams: [corp, ...(options.more ?? [])], ...options.settings },
    ...(options.cache ? { cache: options.cache } : {}),
  })
  const serveUp = () =>
    up.serve([
      entry('down', {
        ...configs.web,
        redirectUris: [`${down.issuer}/federation/corp/callback`],
        postLogoutRedirectUris: [],
      }),
    ])
  await serveUp()
  await down.serve([entry('app.web', configs.web)])
  return {
    up,
    down,
    serveUp,
    async stop() {
      await Promise.all([up.stop(), down.stop()])
    },
  }
}

export type PageSeen = Answer & { readonly url: string; readonly location?: string }

/** One person with one browser, at both of them: real browsers keep their cookies apart by path here. */
export class Traveller {
  readonly #parties: Parties
  readonly down: Browser
  readonly up: Browser
  readonly proof: Pkce = pkce()

  constructor(parties: Parties, browsers?: { up?: Browser; down?: Browser }) {
    this.#parties = parties
    this.down = browsers?.down ?? new Browser(parties.down)
    this.up = browsers?.up ?? new Browser(parties.up)
  }

  /** Begins a sign-in at the lower one. */
  begin(more: Record<string, string> = {}, until?: (url: string) => boolean): Promise<PageSeen> {
    return this.go(
      authorizationUrl(this.#parties.down.issuer, {
        client_id: 'app.web',
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid profile email groups offline_access',
        state: 'a-state',
        code_challenge: this.proof.challenge,
        code_challenge_method: 'S256',
        ...more,
      }),
      until ? { until } : {},
    )
  }

  /** Follows redirects, and pages that lead on by themselves, until one stops: a page with something to do, or the application. */
  async go(
    target: string,
    options: { form?: Record<string, string>; until?: (url: string) => boolean } = {},
  ): Promise<PageSeen> {
    const { until = () => false, ...first } = options
    let seen: PageSeen = await this.#browserOf(target).follow(target, first)
    for (let hop = 0; hop < 12; hop++) {
      const next = seen.location ?? moveOnOf(seen)
      if (next === undefined || until(next)) return seen
      if (next.startsWith(redirectUri)) return { ...seen, location: next }
      seen = await this.#browserOf(next, seen.url).follow(new URL(next, seen.url).href)
    }
    throw new Error(`no end at ${seen.url}`)
  }

  /** Sends a form of the page, and goes on from there. */
  submit(
    page: PageSeen,
    action: string,
    fields: Record<string, string> = {},
    until?: (url: string) => boolean,
  ): Promise<PageSeen> {
    const form = formOf(
      page.body,
      page.body.includes(`formaction="`) && isFormAction(page.body, action) ? '/sign-in' : action,
    )
    const target = isFormAction(page.body, action) ? form.action.replace(/\/sign-in$/, action) : form.action
    return this.go(new URL(target, page.url).href, { form: { ...form.fields, ...fields }, ...(until ? { until } : {}) })
  }

  #browserOf(target: string, base = this.#parties.down.issuer): Browser {
    const { href } = new URL(target, base)
    return href.startsWith(`${this.#parties.up.issuer}/`) ? this.up : this.down
  }
}

const isFormAction = (body: string, action: string): boolean => new RegExp(`formaction="[^"]*${action}"`).test(body)

/** Where a page leads on by itself; undefined for another page. */
export function moveOnOf({ body, status }: Pick<Answer, 'body' | 'status'>): string | undefined {
  if (status !== 200) return undefined
  return /id="move-on" href="([^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#39;', "'")
}

/** The text of what went wrong on a page. */
export const alertOf = ({ body }: Pick<Answer, 'body'>): string =>
  (/<div class="alert"[^>]*>([\s\S]*?)<\/form>/.exec(body)?.[1] ?? '')
    .replace(/<form[\s\S]*$/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()

export const hasPage = ({ body }: Pick<Answer, 'body'>, view: 'sign-in' | 'error' | 'link-account'): boolean =>
  body.includes(
    { 'sign-in': 'id="sign-in-form"', error: 'id="correlation', 'link-account': 'id="link-account-form"' }[view],
  )
