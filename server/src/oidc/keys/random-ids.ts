import { randomFillSync } from 'node:crypto'

/** Random ids. */
export function createIds({ bytes, encoding }: { bytes: number; encoding: 'hex' | 'base64url' }): () => string {
  const next = createPool(bytes)
  return () => next().toString(encoding)
}

/** Random bytes, so many each time, such as the nonces of a cipher. */
export function createNonces(bytes: number): () => Buffer {
  const next = createPool(bytes)
  // a copy: the pool is filled again
  return () => Buffer.from(next())
}

/** They are drawn for many calls at once, since that is the slow part. @returns bytes that hold until the next call */
function createPool(bytes: number): () => Buffer {
  const pool = Buffer.alloc(bytes * 256)
  let at = pool.length
  return () => {
    if (at === pool.length) {
      randomFillSync(pool)
      at = 0
    }
    return pool.subarray(at, (at += bytes))
  }
}
