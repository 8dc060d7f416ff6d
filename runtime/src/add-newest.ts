/** Adds one that is the newest from now on; the oldest goes when there are too many. */
export function addNewest<K, V>(known: Map<K, V>, key: K, one: V, most: number): void {
  known.delete(key)
  known.set(key, one)
  if (known.size > most) known.delete(known.keys().next().value!)
}
