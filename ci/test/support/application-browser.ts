// A browser that a person uses with an application of its own origin: it keeps the application's cookies, and those of the issuer.
import { Browser, send } from '@nauthera/harness/browser'
import type { Answer, Target } from '@nauthera/harness/browser'

export interface Page {
  readonly url: string
  readonly status: number
  readonly body: string
}

/** Requests at most until a page is there. */
const hops = 10

export class ApplicationBrowser {
  readonly #issuer: Target
  readonly #atIssuer: Browser
  readonly #cookies = new Map<string, string>()

  constructor(issuer: Target) {
    this.#issuer = issuer
    this.#atIssuer = new Browser(issuer)
  }

  /** Opens a page of the application; signs in as the person wherever the issuer asks, and out where it asks for that.
   *  @returns the page of the application at the end */
  async open(url: string, username = 'ada'): Promise<Page> {
    let next = url
    for (let hop = 0; hop < hops; hop++) {
      if (new URL(next).origin === new URL(this.#issuer.issuer).origin) {
        next = next.includes('/session/end') ? await this.#signOut(next) : await this.#signIn(next, username)
        continue
      }
      const answer = await this.#get(next)
      const { location } = answer.headers
      if (location === undefined) return { url: next, status: answer.status, body: answer.body }
      next = new URL(location, next).href
    }
    throw new Error(`no page after ${hops} requests: ${next}`)
  }

  async #signIn(url: string, username: string): Promise<string> {
    return (await this.#atIssuer.authorize(url, username)).href
  }

  async #signOut(url: string): Promise<string> {
    const asked = await this.#atIssuer.follow(url)
    const left =
      asked.location ?? (await this.#atIssuer.submit(asked, '/session/end/confirm', { logout: 'yes' })).location
    if (left === undefined) throw new Error(`no way back from ${url}: ${asked.body.slice(0, 300)}`)
    return left
  }

  async #get(url: string): Promise<Answer> {
    const { origin, pathname, search } = new URL(url)
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await send(
      { issuer: origin, origin: () => origin },
      { path: pathname + search, headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }) } },
    )
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      const isOver = /;\s*max-age=0|;\s*expires=Thu, 01 Jan 1970/i.test(line) || at === pair.length - 1
      if (isOver) this.#cookies.delete(pair.slice(0, at))
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return answer
  }
}
