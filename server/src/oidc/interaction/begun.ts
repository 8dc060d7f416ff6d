// Which interactions a browser has begun, oldest first. Its own word, and good for nothing but its own cookies.

/** Interactions that one browser may have open. Tabs that are begun in the same moment do not see one another: then more
 *  are open, until they expire. */
const mostOpen = 5

export function parseBegun(value: string | undefined): string[] {
  return (value ?? '').split('.').filter((uid) => /^[\w-]{10,64}$/.test(uid))
}

/** @returns what the browser has begun from now on, and which of them go to make room */
export function beginOne(begun: readonly string[], uid: string): { value: string; dropped: readonly string[] } {
  const all = [...begun, uid]
  return { value: all.slice(-mostOpen).join('.'), dropped: all.slice(0, -mostOpen) }
}
