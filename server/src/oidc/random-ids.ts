import { randomFillSync } from 'node:crypto'

/** Random ids. The random bytes are drawn for many ids at once, since that is the slow part. */
export function createIds({ bytes, encoding }: { bytes: number; encoding: 'hex' | 'base64url' }): () => string {
  const pool = Buffer.alloc(bytes * 256)
  let at = pool.length
  return () => {
    if (at === pool.length) {
      randomFillSync(pool)
      at = 0
    }
    return pool.toString(encoding, at, (at += bytes))
  }
}
