import { createHash, randomBytes } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { request as requestHttps } from 'node:https'

/** Where the servers are: the issuer, and the origin of each replica or of the proxy in front of them. */
export interface Target {
  readonly issuer: string
  origin(replica: number): string
}

/** Of every person in the tests. */
export const password = 'correct horse battery staple'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  json(): Record<string, unknown>
}

/** One request to one replica, with the issuer's Host. */
export function send(
  replicas: Target,
  options: {
    replica?: number
    method?: string
    path: string
    headers?: Record<string, string>
    form?: Record<string, string> | URLSearchParams | [string, string][]
    body?: string
    /** Default: 15 s. */
    timeoutMs?: number
    /** From which address, and what this side shows and believes where TLS is spoken. */
    connection?: { localAddress?: string; cert?: string; key?: string; ca?: string; servername?: string }
  },
): Promise<Answer> {
  const { host } = new URL(replicas.issuer)
  const { timeoutMs = 15_000 } = options
  const body = options.body ?? (options.form ? new URLSearchParams(options.form).toString() : undefined)
  return new Promise((resolve, reject) => {
    const origin = replicas.origin(options.replica ?? 0)
    const outgoing = (origin.startsWith('https:') ? requestHttps : requestHttp)(
      `${origin}${options.path}`,
      {
        method: options.method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          host,
          ...(body === undefined
            ? {}
            : {
                'content-type': 'application/x-www-form-urlencoded',
                'content-length': String(Buffer.byteLength(body)),
              }),
          ...options.headers,
        },
        timeout: timeoutMs,
        ...options.connection,
      },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', reject)
        incoming.once('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({
            status: incoming.statusCode!,
            headers: incoming.headers,
            body: text,
            json: () => JSON.parse(text) as Record<string, unknown>,
          })
        })
      },
    )
    outgoing.once('error', reject)
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)))
    outgoing.end(body)
  })
}

export const basic = (clientId: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

export interface Pkce {
  readonly verifier: string
  readonly challenge: string
}

export function pkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** A browser without JavaScript: cookies with their paths, redirects by hand, forms as a person would send them. */
export class Browser {
  readonly #replicas: Target
  readonly #headers: Readonly<Record<string, string>>
  /** By name and path, as browsers keep them. */
  readonly jar = new Map<string, { name: string; value: string; path: string }>()

  /** @param headers that it sends with every request, such as `user-agent` */
  constructor(replicas: Target, headers: Readonly<Record<string, string>> = {}) {
    this.#replicas = replicas
    this.#headers = headers
  }

  /** A copy of the browser with the cookies that it has now: a thief's. */
  copy(): Browser {
    const other = new Browser(this.#replicas, this.#headers)
    for (const [key, cookie] of this.jar) other.jar.set(key, cookie)
    return other
  }

  async open(target: string, options: { form?: Record<string, string>; replica?: number } = {}): Promise<Answer> {
    const url = new URL(target, this.#replicas.issuer)
    const cookies = this.#cookiesFor(url).map(({ name, value }) => `${name}=${value}`)
    const answer = await send(this.#replicas, {
      ...(options.replica === undefined ? {} : { replica: options.replica }),
      path: url.pathname + url.search,
      ...(options.form ? { form: options.form } : {}),
      headers: {
        accept: 'text/html',
        ...this.#headers,
        ...(cookies.length > 0 ? { cookie: cookies.join('; ') } : {}),
        ...(options.form ? { origin: url.origin } : {}),
      },
    })
    for (const line of answer.headers['set-cookie'] ?? []) this.#take(line)
    return answer
  }

  /** @returns names of the cookies that go to an address */
  shows(target: string): string[] {
    return this.#cookiesFor(new URL(target, this.#replicas.issuer)).map(({ name }) => name)
  }

  #cookiesFor({ pathname }: URL) {
    return [...this.jar.values()].filter(
      ({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`),
    )
  }

  #take(line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/)
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    const value = pair.slice(at + 1)
    const attribute = (wanted: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1)
    const age = attribute('max-age')
    const expires = attribute('expires')
    const path = attribute('path') ?? '/'
    const key = `${name};${path}`
    if (value === '' || age === '0' || (expires !== undefined && Date.parse(expires) < Date.now())) this.jar.delete(key)
    else this.jar.set(key, { name, value, path })
  }

  /** Follows redirects inside the issuer. @returns the first answer that is a page, or leads away (then `location` says where) */
  async follow(
    target: string,
    options: { form?: Record<string, string> } = {},
  ): Promise<Answer & { location?: string; url: string }> {
    let url = target
    let answer = await this.open(url, options)
    for (let hop = 0; hop < 10 && answer.headers.location !== undefined; hop++) {
      const location = new URL(answer.headers.location, new URL(url, this.#replicas.issuer)).href
      if (!location.startsWith(new URL(this.#replicas.issuer).origin + '/')) return { ...answer, location, url }
      url = location
      answer = await this.open(url)
    }
    return { ...answer, url }
  }

  /** Sends the form of the page whose action ends with `action`, with its hidden fields. */
  async submit(page: { body: string; url: string }, action: string, fields: Record<string, string> = {}) {
    const form = formOf(page.body, action)
    const target = new URL(form.action, new URL(page.url, this.#replicas.issuer)).href
    return this.follow(target, { form: { ...form.fields, ...fields } })
  }

  /** From the authorization request to the redirect back, signing in and agreeing wherever a page asks. */
  async authorize(url: string, username: string, options: { remember?: boolean } = {}): Promise<URL> {
    let page = await this.follow(url)
    for (let step = 0; step < 6 && page.location === undefined; step++) {
      if (page.body.includes('id="password"')) {
        page = await this.submit(page, '/sign-in', {
          username,
          password,
          ...(options.remember ? { remember: 'on' } : {}),
        })
      } else if (page.body.includes('id="consent-allow"')) {
        page = await this.submit(page, '/consent', {
          decision: 'allow',
          ...(options.remember ? { remember: 'on' } : {}),
        })
      } else if (page.body.includes('id="account-continue"')) {
        page = await this.submit(page, '/account', { choice: 'continue' })
      } else throw new Error(`stopped at ${page.status} ${page.url}: ${textOf(page.body)}`)
    }
    if (page.location === undefined) throw new Error(`no way back from ${page.url}`)
    return new URL(page.location)
  }
}

/** @returns where a page's form goes, and its hidden fields */
export function formOf(html: string, action: string): { action: string; fields: Record<string, string> } {
  for (const [, attributes = '', inside = ''] of html.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)) {
    const target = unescapeHtml(/action="([^"]*)"/.exec(attributes)?.[1] ?? '')
    if (!target.endsWith(action) && !target.split('?')[0]!.endsWith(action)) continue
    const fields: Record<string, string> = {}
    for (const [input] of inside.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      fields[/name="([^"]*)"/.exec(input)![1]!] = unescapeHtml(/value="([^"]*)"/.exec(input)?.[1] ?? '')
    }
    return { action: target, fields }
  }
  throw new Error(`no form goes to ${action}: ${textOf(html)}`)
}

/** @returns the beginning of what a page says, for the message of an error */
const textOf = (html: string): string =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 300)

const unescapeHtml = (text: string): string =>
  text.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name]!,
  )

export function authorizationUrl(issuer: string, parameters: Record<string, string>): string {
  return `${issuer}/authorize?${new URLSearchParams(parameters).toString()}`
}
