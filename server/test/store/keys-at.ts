// The keys of a store, with another time than that of its database: tests move it by days.
import type { KeyList, Keys } from '../../src/store/tokens/keys.ts'

/** @param now epoch milliseconds */
export function keysAt(keys: Keys, now: () => number): Keys {
  const timed = async (list: Promise<KeyList>) => ({ ...(await list), at: now() })
  return {
    ...keys,
    list: () => timed(keys.list()),
    underLock: (work) => keys.underLock((writer) => work({ ...writer, list: () => timed(writer.list()) })),
  }
}

/** No time passes but what a test moves: the last millisecond of a key may take a second here. */
export const monotonicNow = () => 0
