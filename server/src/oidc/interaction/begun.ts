// The list of a browser's interactions, oldest first. Its cookie is unsigned: it only serves to remove cookies of the same browser.

/** How many interactions one browser may have open. Tabs that are opened in the same moment do not know of each other;
 *  then there are more until they expire. */
const mostOpen = 5

export function parseBegun(value: string | undefined): string[] {
  return (value ?? '').split('.').filter((uid) => /^[\w-]{10,64}$/.test(uid))
}

/** @returns the new list, and the interactions that are dropped to make room */
export function addInteraction(begun: readonly string[], uid: string): { value: string; dropped: readonly string[] } {
  const all = [...begun, uid]
  return { value: all.slice(-mostOpen).join('.'), dropped: all.slice(0, -mostOpen) }
}
