import type { LibraryNeeds } from './needs.ts'
import type { Internals } from './shapes.ts'

export type OverrideNeeds = Pick<
  LibraryNeeds,
  | 'settings'
  | 'keys'
  | 'store'
  | 'users'
  | 'clients'
  | 'platforms'
  | 'sectors'
  | 'sealer'
  | 'sealedRequests'
  | 'scope'
  | 'usedSecret'
  | 'usedIdentity'
  | 'provedSector'
  | 'now'
  | 'monotonicNow'
>

/** Replaces an internal of the library, or a few that belong together. */
export type Override = (library: Internals, needs: OverrideNeeds) => void

/** Replaces a method; the replacement gets the original.
 *  @throws TypeError when the library no longer has it */
export function replace<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  replacement: (original: Target[Name]) => Target[Name],
): void {
  const original = target[name]
  if (typeof original !== 'function')
    throw new TypeError(`oidc-provider no longer has ${String(name)}: an override must change`)
  Object.defineProperty(target, name, { configurable: true, writable: true, value: replacement(original) })
}

/** Sets which properties of a model are stored. */
export function keepInPayload(model: { readonly IN_PAYLOAD: readonly string[] }, names: readonly string[]): void {
  Object.defineProperty(model, 'IN_PAYLOAD', { configurable: true, value: names })
}
