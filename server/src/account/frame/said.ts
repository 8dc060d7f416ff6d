// Shows the result of a change once, on the page after the redirect. The redirect keeps a reload from repeating the change.
import { readCookies, setCookie } from '../../oidc/cookies.ts'
import type { CookieScope } from '../../oidc/cookies.ts'
import type { PageRequest } from '../../reply.ts'

/** Seconds. */
const keepFor = 60

export interface Said {
  /** @param key of a text below `said.` */
  set(request: PageRequest, key: string): void
  /** @returns the last key, and removes it */
  consume(request: PageRequest): string | undefined
}

export function createSaid(scope: CookieScope): Said {
  return {
    set: ({ raw }, key) => setCookie(raw.response, scope, { name: scope.said, value: key, maxAge: keepFor }),
    consume({ raw }) {
      const key = readCookies(raw.request).get(scope.said)
      if (key === undefined) return undefined
      setCookie(raw.response, scope, { name: scope.said, value: '', maxAge: 0 })
      return /^[a-z-]{1,40}$/.test(key) ? key : undefined
    },
  }
}
