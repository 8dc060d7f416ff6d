import type { ServerReplicas } from '@nauthera/harness/server'

/** What one override needs from oidc-provider, and tests that show that the override works. */
export interface Contract {
  /** What it replaces, such as `Client.prototype.compareClientSecret`. */
  readonly replaces: readonly string[]
  /** Properties of a model that the library must store. */
  readonly payload?: { readonly model: string; readonly names: readonly string[] }
  /** Sentence -> test, on one replica with `clients` and the person `ada`. */
  readonly holds: Readonly<Record<string, (replicas: ServerReplicas) => Promise<void>>>
}
