// Loads the keys of the issuers in the settings (identityIssuers): from a file, a URL, or discovery.
import { readFile } from 'node:fs/promises'
import { isJsonRecord } from '@nauthera/runtime/json'
import { issuerFaults } from '@nauthera/rules/issuer'
import { isSoundKey } from '@nauthera/rules/jwks'
import type { Log } from '@nauthera/runtime/log'
import type { IdentityIssuer } from '../../settings/outbound.ts'
import type { IssuerKeys } from '../../clients/cluster-issuer.ts'
import type { Fetch } from './outbound-fetch.ts'

/** Milliseconds: keys are read again when they are as old, and at most so often for a key that is not among them. */
const freshFor = 300_000
const askAgainAfter = 10_000
/** Milliseconds. Keys of this age are not used while they are read again: one may have been withdrawn since. And how long the last good ones
 *  count while nobody can read them. */
const oldFrom = 2 * freshFor
const longestKept = 86_400_000
const mostKeys = 50
const mostBytes = 64 * 1024

/** The keys of one issuer. */
export interface KeySource {
  /** @param kid of a token. When it is not among the keys that are known, they are read again, at most once in 10 s
   *  @returns the last good keys, at most a day old; undefined when there are none */
  keys(kid: string | undefined): Promise<IssuerKeys | undefined>
}

/** @param needs.fetch guarded: the address is that of the settings, but DNS answers for it
 *  @param needs.now milliseconds, monotonic */
export function createKeySource(
  settings: IdentityIssuer,
  needs: { fetch: Fetch; log: Log; now: () => number },
): KeySource {
  const { issuer } = settings
  let known: { readonly keys: IssuerKeys; readonly at: number } | undefined
  let triedAt = -Infinity
  let running: Promise<void> | undefined
  const read = async () => {
    triedAt = needs.now()
    try {
      const keys = (await readSet(settings, needs.fetch)).map((jwk) => ({ jwk }))
      known = { keys: { issuer, keys }, at: needs.now() }
    } catch (error) {
      needs.log.warn({ issuer, error }, 'the keys of an identity issuer cannot be read; the last good ones stay')
    } finally {
      running = undefined
    }
  }
  return {
    keys: async (kid) => {
      const age = () => (known === undefined ? Infinity : needs.now() - known.at)
      const isStale = age() >= freshFor
      const lacks = kid !== undefined && known?.keys.keys.some(({ jwk }) => jwk['kid'] === kid) !== true
      if ((isStale || lacks) && needs.now() - triedAt >= askAgainAfter) running ??= read()
      if (running && (age() >= oldFrom || lacks)) await running
      return age() < longestKept ? known?.keys : undefined
    },
  }
}

type Jwk = Readonly<Record<string, unknown>>

async function readSet({ issuer, jwksURI, jwksFile }: IdentityIssuer, fetch: Fetch): Promise<readonly Jwk[]> {
  const set: unknown =
    jwksFile === undefined
      ? await readJson(jwksURI ?? (await addressOf(issuer, fetch)), fetch)
      : JSON.parse(await readFile(jwksFile, 'utf8'))
  const keys: unknown = isJsonRecord(set) ? set['keys'] : undefined
  if (!Array.isArray(keys) || keys.length > mostKeys) throw new Error(`no JWK set of at most ${mostKeys} keys`)
  const usable = keys.filter(isSoundKey)
  if (usable.length === 0) throw new Error('the JWK set has no key that can verify a signature')
  return usable
}

/** OpenID Connect Discovery section 4. */
async function addressOf(issuer: string, fetch: Fetch): Promise<string> {
  const document = await readJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, fetch)
  if (!isJsonRecord(document) || document['issuer'] !== issuer)
    throw new Error('the discovery document names another issuer')
  const { jwks_uri: address } = document
  if (typeof address !== 'string' || issuerFaults(new URL(address).origin).length > 0)
    throw new Error('the discovery document has no https jwks_uri')
  return address
}

async function readJson(url: string, fetch: Fetch): Promise<unknown> {
  const answer = await fetch(url, { headers: { accept: 'application/json' } })
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}, not 200`)
  const text = await answer.text()
  if (text.length > mostBytes) throw new Error(`${url} answers more than ${mostBytes / 1024} KiB`)
  return JSON.parse(text)
}
