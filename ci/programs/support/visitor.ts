import { Browser } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'

export interface Visited extends Answer {
  readonly url: string
}

/** A browser without scripts that goes between a program and the issuer, as each of the two says. At the issuer it signs ada in, agrees and
 *  confirms the sign-out. It keeps cookies apart by origin. */
export class Visitor {
  readonly #issuer: string
  readonly #browsers = new Map<string, Browser>()

  constructor(issuer: string) {
    this.#issuer = issuer
  }

  /** @returns the browser as that origin sees it */
  at(url: string): Browser {
    const { origin } = new URL(url)
    const known = this.#browsers.get(origin) ?? new Browser({ issuer: origin, origin: () => origin })
    this.#browsers.set(origin, known)
    return known
  }

  /** Goes on until a page leads nowhere else. */
  async open(url: string, options: { form?: Record<string, string> } = {}): Promise<Visited> {
    return this.#goOn(options.form ? await this.at(url).follow(url, options) : await this.#goTo(url))
  }

  /** Sends the form of a page whose action ends with `action`, and goes on as `open` does. */
  async submit(page: Visited, action: string, fields: Record<string, string> = {}): Promise<Visited> {
    return this.#goOn(await this.at(page.url).submit(page, action, fields))
  }

  async #goOn(page: Visited & { location?: string }): Promise<Visited> {
    for (let hop = 0; hop < 10 && page.location !== undefined; hop++) page = await this.#goTo(page.location)
    return page
  }

  /** The first page that a program shows at an address, which may lead away. */
  look(url: string): Promise<Answer> {
    return this.at(url).open(url)
  }

  async #goTo(url: string): Promise<Visited & { location?: string }> {
    const browser = this.at(url)
    if (url.startsWith(`${this.#issuer}/authorize`)) return this.#goTo((await browser.authorize(url, 'ada')).href)
    const page = await browser.follow(url)
    return page.body.includes('/logout/confirm') ? browser.submit(page, '/logout/confirm', { logout: 'yes' }) : page
  }
}
