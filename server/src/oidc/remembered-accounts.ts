// The remembered accounts of a browser, in an encrypted cookie. It holds names only: a chosen person still has to sign in.
import { hasShape } from '@nauthera/runtime/json'
import type { PersonOnPage } from '../reply/on-page.ts'
import { readCookies, setCookie } from './cookies.ts'
import type { CookieScope, Exchange } from './cookies.ts'
import { decryptClaims, encryptClaims } from './keys/encrypted-claims.ts'
import type { CookieKeys } from './keys/key-set.ts'

/** The name that the person signs in with, and what they are called. */
export type RememberedAccount = Pick<PersonOnPage, 'username' | 'name'>

export interface RememberedAccounts {
  /** The last one first. */
  read(exchange: Pick<Exchange, 'request'>): readonly RememberedAccount[]
  add(exchange: Exchange, account: RememberedAccount): void
  remove(exchange: Exchange, username: string): void
}

const isRememberedAccount = (value: unknown): value is RememberedAccount =>
  hasShape(value, { required: { username: 'string' }, optional: { name: 'string' } })

const most = 5
/** Characters: a longer name is not remembered, and a longer full name is left out. */
const longest = { username: 100, name: 60 }
/** Name and value of the cookie. */
const longestCookie = 1900
/** Seconds. */
const keepFor = 60 * 86_400

/** @param needs.now epoch milliseconds */
export function createRememberedAccounts(needs: {
  scope: CookieScope
  keys: () => CookieKeys
  now: () => number
}): RememberedAccounts {
  const { scope, keys, now } = needs
  const { name, path } = scope.remembered
  const bound = 'remembered'

  function read({ request }: Pick<Exchange, 'request'>): readonly RememberedAccount[] {
    const value = readCookies(request).get(name)
    if (value === undefined) return []
    const keyOf = (kid: string) => keys().find('remembered', kid)
    const claims = decryptClaims(value, { keyOf, bound, now: new Date(now()) })
    const accounts = claims?.['accounts']
    return Array.isArray(accounts) ? accounts.filter(isRememberedAccount) : []
  }

  function write(exchange: Exchange, accounts: readonly RememberedAccount[]): void {
    const { response } = exchange
    if (accounts.length === 0) return setCookie(response, scope, { name, path, value: '', maxAge: 0 })
    const { kid, key } = keys().current('remembered')
    const expiresAt = Math.floor(now() / 1000) + keepFor
    const value = encryptClaims({ accounts }, { key, kid, bound, expiresAt })
    // too long: without the oldest one
    if (name.length + value.length > longestCookie) return write(exchange, accounts.slice(0, -1))
    setCookie(response, scope, { name, path, value, maxAge: keepFor })
  }

  return {
    read,
    add(exchange, { username, name: called }) {
      if (username.length > longest.username) return
      const account = called !== undefined && called.length <= longest.name ? { username, name: called } : { username }
      const others = read(exchange).filter((other) => other.username !== username)
      write(exchange, [account, ...others].slice(0, most))
    },
    remove(exchange, username) {
      const before = read(exchange)
      const after = before.filter((account) => account.username !== username)
      if (after.length < before.length) write(exchange, after)
    },
  }
}
