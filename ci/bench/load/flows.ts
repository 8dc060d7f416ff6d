// What a client and a browser do, at any product. A wrong answer throws: a bench of refusals would look fast.
import { randomUUID, sign } from 'node:crypto'
import { Browser, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import type { Client, ClientRole, LoadedProduct } from './product.ts'

export interface LoadTokens {
  readonly access: string
  readonly refresh: string | undefined
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Some products cannot do some of it. */
export class MissingClient extends Error {}

export function clientOf({ clients, name }: LoadedProduct, role: ClientRole): Client {
  const client = clients[role]
  if (client === undefined) throw new MissingClient(`${name} has no client "${role}"`)
  return client
}

/** How a client proves who it is: a header, or fields of the form. */
function proofOf(
  product: LoadedProduct,
  client: Client,
): { headers?: Record<string, string>; form?: Record<string, string> } {
  const { id, secret, key, platformToken } = client
  if (platformToken) return { form: { client_assertion_type: assertionType, client_assertion: platformToken() } }
  if (key) {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: id, sub: id, aud: product.issuer, jti: randomUUID(), iat: now, exp: now + 60 }
    const assertion = signJwt({ alg: 'ES256', kid: 'bench' }, claims, { key, dsaEncoding: 'ieee-p1363' })
    return { form: { client_id: id, client_assertion_type: assertionType, client_assertion: assertion } }
  }
  return { headers: basic(id, secret ?? '') }
}

export function signJwt(header: object, claims: object, key: Parameters<typeof sign>[2]): string {
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
}

async function post(
  product: LoadedProduct,
  path: string,
  client: Client,
  form: Record<string, string>,
): Promise<Answer> {
  const proof = proofOf(product, client)
  const answer = await send(product, {
    path,
    form: { ...form, ...proof.form },
    ...(proof.headers ? { headers: proof.headers } : {}),
  })
  if (answer.status !== 200) throw new Error(`${product.name} ${path}: ${answer.status} ${answer.body.slice(0, 300)}`)
  return answer
}

export async function machineToken(product: LoadedProduct, client: Client): Promise<string> {
  return tokensOf(await post(product, product.paths.token, client, { grant_type: 'client_credentials' })).access
}

export async function introspect(product: LoadedProduct, client: Client, token: string): Promise<void> {
  const answer = await post(product, product.paths.introspection, client, { token })
  if (answer.json()['active'] !== true) throw new Error(`${product.name}: the token is not active`)
}

export async function refresh(product: LoadedProduct, client: Client, token: string): Promise<LoadTokens> {
  return tokensOf(
    await post(product, product.paths.token, client, { grant_type: 'refresh_token', refresh_token: token }),
  )
}

export async function userinfo(product: LoadedProduct, token: string): Promise<void> {
  await get(product, product.paths.userinfo, { authorization: `Bearer ${token}` })
}

export async function get(product: LoadedProduct, path: string, headers: Record<string, string> = {}): Promise<void> {
  const { status } = await send(product, { path, headers })
  if (status !== 200) throw new Error(`${product.name} ${path}: ${status}`)
}

/** From the authorization request to the tokens, in a browser that has no session yet. */
export async function signIn(
  product: LoadedProduct,
  client: Client,
  person: LoadedProduct['people'][number],
): Promise<LoadTokens> {
  const proof = pkce()
  const parameters = {
    client_id: client.id,
    response_type: 'code',
    redirect_uri: product.redirectUri,
    scope: product.scope,
    state: 'a-state',
    nonce: 'a-nonce',
    code_challenge: proof.challenge,
    code_challenge_method: 'S256',
    ...(client.resource === undefined ? {} : { resource: client.resource }),
  }
  const back = await visit(
    product,
    `${product.paths.authorization}?${new URLSearchParams(parameters).toString()}`,
    person,
  )
  const code = back.searchParams.get('code')
  if (code === null) throw new Error(`${product.name}: no code in ${back.href}`)
  return tokensOf(
    await post(product, product.paths.token, client, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: product.redirectUri,
      code_verifier: proof.verifier,
      ...(client.resource === undefined ? {} : { resource: client.resource }),
    }),
  )
}

/** Follows redirects and fills in the one form of each page, up to the address of the client. */
async function visit(product: LoadedProduct, path: string, person: LoadedProduct['people'][number]): Promise<URL> {
  const browser = new Browser(product)
  let url = new URL(path, product.issuer)
  let answer = await browser.open(url.href)
  for (let step = 0; step < 12; step++) {
    if (answer.status >= 300 && answer.status < 400) {
      url = new URL(answer.headers.location!, url)
      if (url.href.startsWith(product.redirectUri)) return url
      answer = await browser.open(url.href)
      continue
    }
    const form = answer.status === 200 ? formIn(answer.body) : undefined
    if (form === undefined)
      throw new Error(
        `${product.name} ${url.pathname}: ${answer.status} ${answer.body.replace(/\s+/g, ' ').slice(0, 300)}`,
      )
    url = new URL(form.action, url)
    answer = await browser.open(url.href, {
      form: { ...form.fields, [product.form.username]: person.username, [product.form.password]: person.password },
    })
  }
  throw new Error(`${product.name}: no way back after 12 steps, at ${url.href}`)
}

/** @returns the form with a password, or else the first one: where it goes, and its hidden fields */
function formIn(html: string): { action: string; fields: Record<string, string> } | undefined {
  const forms = [...html.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)]
  const found = forms.find(([, , inside]) => inside!.includes('type="password"')) ?? forms[0]
  if (found === undefined) return undefined
  const attribute = (text: string, name: string) =>
    unescapeHtml(new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? '')
  const hidden = [...found[2]!.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(
    ([input]) => [attribute(input, 'name'), attribute(input, 'value')] as const,
  )
  return { action: attribute(found[1]!, 'action'), fields: Object.fromEntries(hidden) }
}

const unescapeHtml = (text: string): string =>
  text.replace(
    /&(amp|lt|gt|quot|#39|#x27|#x2F);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'", '#x2F': '/' })[name]!,
  )

function tokensOf(answer: Answer): LoadTokens {
  const { access_token: access, refresh_token: next } = answer.json()
  if (typeof access !== 'string') throw new Error(`no access token in ${answer.body.slice(0, 300)}`)
  return { access, refresh: typeof next === 'string' ? next : undefined }
}
