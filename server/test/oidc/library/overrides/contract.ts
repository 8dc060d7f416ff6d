import type { Replicas } from '@nauthera/harness/server'

/** What one override leans on in oidc-provider, and what holds while it does. */
export interface Contract {
  /** What it replaces, such as `Client.prototype.compareClientSecret`. */
  readonly replaces: readonly string[]
  /** What it needs to be kept of a model. */
  readonly payload?: { readonly model: string; readonly names: readonly string[] }
  /** Sentence -> test, on one replica with `clients` and the person `ada`. */
  readonly holds: Readonly<Record<string, (replicas: Replicas) => Promise<void>>>
}
