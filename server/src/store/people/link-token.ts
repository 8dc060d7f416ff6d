// The token of a mailed link, and the SQL that consumes it.
import { createHash, randomBytes } from 'node:crypto'
import { stillStands } from './standing.ts'

/** `invitation` and `registration` make an account; the others are about one. `sign-in` has statements of its own (login-links.ts). */
export type LinkKind = 'reset' | 'verify' | 'invitation' | 'registration'

export interface LinkToken {
  /** 256 random bits; they are in the mail alone. */
  readonly plain: string
  readonly hash: Buffer
}

export function mintLinkToken(): LinkToken {
  const plain = randomBytes(32).toString('base64url')
  return { plain, hash: linkHash(plain) }
}

/** @returns what the database has of a token */
export const linkHash = (token: string): Buffer => createHash('sha256').update(token).digest()

/** SQL, for `mail_links l`. */
export const isLiveLink = 'l.used_at IS NULL AND l.expires_at > clock_timestamp()'
/** SQL, for `users u` beside it: enabled, with the address that the link was sent to, and the password that they had then. */
export const linkOfPerson = `u.canonical_email = l.email AND ${stillStands('l.standing')}`
/** The CTE `link`: uses a link, and has a row when it was live. @param hash @param kind SQL; @param columns that it gives */
export const consumeLink = (hash: string, kind: string, columns: string): string =>
  `link AS (UPDATE mail_links l SET used_at = clock_timestamp()
     WHERE l.token_hash = ${hash} AND l.kind = ${kind} AND ${isLiveLink} RETURNING ${columns})`
