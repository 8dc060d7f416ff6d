// A provider that says whatever a test wants: for wrong answers, which a real one never gives.
import { listenOnLoopback } from '@nauthera/harness/listen'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import type { CryptoKey, JWK } from 'jose'

interface Key {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

export interface OddProvider {
  readonly issuer: string
  /** What it says next; a test changes it. */
  readonly says: {
    /** Claims of the ID token beside iss, aud, iat, exp; they win over those. */
    claims: Record<string, unknown>
    /** Alters the ID token's text. */
    token: (idToken: string) => string
    userinfo: Record<string, unknown>
    discovery: Record<string, unknown>
    /** Of every answer. */
    status: number
    /** Answers nothing at all. */
    hangs: boolean
  }
  /** Paths that were asked, in order. */
  readonly asked: string[]
  /** The nonce that the next ID token has. */
  nonce: string
  /** Signs with a new key from now on. @param published whether its key set has it */
  rotate(published: boolean): Promise<void>
  /** Publishes every key. */
  publish(): void
  stop(): Promise<void>
}

export async function startOddProvider(): Promise<OddProvider> {
  const keys: Key[] = [await newKey('k1')]
  let published: Key[] = [...keys]
  const asked: string[] = []
  const server = createServer((request, response) => void answer(request, response))
  const issuer = `http://localhost:${await listenOnLoopback(server)}`
  const provider: OddProvider = {
    issuer,
    says: { claims: {}, token: (text) => text, userinfo: {}, discovery: {}, status: 200, hangs: false },
    asked,
    nonce: '',
    async rotate(isPublished) {
      keys.push(await newKey(`k${keys.length + 1}`))
      if (isPublished) published = [...keys]
    },
    publish() {
      published = [...keys]
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url!, issuer)
    asked.push(pathname)
    request.resume()
    if (provider.says.hangs) return
    const body = await bodyOf(pathname)
    response.writeHead(body === undefined ? 404 : provider.says.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body ?? {}))
  }

  async function bodyOf(pathname: string): Promise<object | undefined> {
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          userinfo_endpoint: `${issuer}/userinfo`,
          id_token_signing_alg_values_supported: ['ES256'],
          authorization_response_iss_parameter_supported: true,
          ...provider.says.discovery,
        }
      case '/jwks':
        return { keys: published.map(({ jwk }) => jwk) }
      case '/token':
        return { access_token: 'an-access-token', token_type: 'Bearer', id_token: provider.says.token(await idToken()) }
      case '/userinfo':
        return { sub: provider.says.claims['sub'], ...provider.says.userinfo }
      default:
        return undefined
    }
  }

  async function idToken(): Promise<string> {
    const { kid, privateKey } = keys.at(-1)!
    const seconds = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      aud: 'down',
      iat: seconds,
      exp: seconds + 300,
      nonce: provider.nonce,
      ...provider.says.claims,
    }
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
  }
  return provider
}

async function newKey(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } }
}
