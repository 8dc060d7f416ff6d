import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { stringify } from 'yaml'
import type { RbacRule, RbacUser } from './rbac.ts'

/** Who may call: each user has a token. */
export class RbacUsers {
  readonly #byToken = new Map<string, RbacUser>()

  /** @returns the new user's token */
  add(name: string, rules: readonly RbacRule[], token = randomBytes(16).toString('hex')): string {
    this.#byToken.set(token, { name, rules })
    return token
  }

  /** Its tokens are taken no more. */
  remove(name: string): void {
    for (const [token, user] of this.#byToken) if (user.name === name) this.#byToken.delete(token)
  }

  find(token: string): RbacUser | undefined {
    return this.#byToken.get(token)
  }
}

/** kubectl sends no credentials over plain http, so a kubeconfig from here carries the token as the first part of the path.
 *  @returns the token, and the address without it */
export function findToken(incoming: IncomingMessage): { token: string; url: string } {
  const [, inPath, rest] = /^\/token-([0-9a-f]+)(\/.*|$)/.exec(incoming.url!) ?? []
  if (inPath !== undefined) return { token: inPath, url: rest || '/' }
  return { token: (incoming.headers.authorization ?? '').replace(/^Bearer /, ''), url: incoming.url! }
}

/** @returns YAML */
export function renderKubeconfig(options: { url: string; token: string; user: string; namespace: string }): string {
  const { url, token, user, namespace } = options
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'nauthera-local', cluster: { server: `${url}/token-${token}` } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'nauthera-local', context: { cluster: 'nauthera-local', user, namespace } }],
    'current-context': 'nauthera-local',
  })
}
