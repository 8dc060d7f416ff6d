import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const made = new WeakMap<Buffer, KeyObject>()

/** @param secret the same buffer each time, as a key set gives it: node:crypto looks long at a key that is none of its own objects
 *  @returns the same key as an object */
export function keyObjectOf(secret: Buffer): KeyObject {
  let object = made.get(secret)
  if (object === undefined) made.set(secret, (object = createSecretKey(secret)))
  return object
}
