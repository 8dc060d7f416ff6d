// A user without rights, for programs that refuse to run as root.
import { chownSync, cpSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The account `nobody`: PostgreSQL refuses to run as root, so it is started as this one. */
const nobody = { uid: 65534, gid: 65534 } as const

/** @returns what to give to `spawn`: another account when we are root, else nothing */
export function unprivileged(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? nobody : {}
}

/** @returns whether the unprivileged account gets as far as the directory and may read in it */
export function isReachable(directory: string): boolean {
  if (process.getuid?.() !== 0) return true
  for (let at = directory; ; at = dirname(at)) {
    const { uid, mode } = statSync(at)
    const needed = at === directory ? 0o5 : 0o1
    const granted = uid === nobody.uid ? mode >> 6 : mode
    if ((granted & needed) !== needed) return false
    if (at === dirname(at)) return true
  }
}

/** Copies a tree, links as links, and gives it to the unprivileged account. */
export function copyForUnprivileged(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: false })
  giveAway(to)
}

/** Gives a tree to the unprivileged account, when we are root. */
export function giveAway(path: string): void {
  const { uid, gid } = unprivileged()
  if (uid === undefined || gid === undefined) return
  const stat = lstatSync(path)
  if (!stat.isSymbolicLink()) chownSync(path, uid, gid)
  if (stat.isDirectory()) for (const entry of readdirSync(path)) giveAway(join(path, entry))
}
