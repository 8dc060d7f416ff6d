import { buildKeySet } from '../../src/oidc/keys/key-set.ts'
import type { CookieKeys, RingKey } from '../../src/oidc/keys/key-set.ts'

const policy = { publishBefore: 0, rotateEvery: 1_000_000, retireFor: () => 1_000_000_000 }

/** @param ids 8 hex each; the last one is current */
export function cookieKeys(...ids: readonly string[]): CookieKeys {
  const keys = ids.map((id, index): RingKey => ({
    id,
    line: 'cookie',
    use: 'cookie',
    algorithm: 'A256GCM',
    createdAt: index,
    activeAt: index,
    secret: Buffer.alloc(32, id),
  }))
  return buildKeySet(keys, [], 1000, policy).cookies
}
