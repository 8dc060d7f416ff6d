// What became of a client's Secret in one look.
import type { Fault } from '@nauthera/runtime/coded-error'

/** The owner of a Secret whose name the client wants. */
export type NameHolder =
  | { readonly kind: 'stranger' }
  /** It is one of the release's own Secrets. */
  | { readonly kind: 'release' }
  /** It names an earlier OIDCClient of this name. `isProven`: its proof is valid. */
  | { readonly kind: 'earlier'; readonly isProven: boolean }
  /** `namespace/name` of another client. */
  | { readonly kind: 'client'; readonly key: string }

export type SecretOutcome =
  /** Its Secret is there and current; a client without a secret has one too. */
  | { readonly kind: 'ready'; readonly name: string }
  /** It will be written once the client is live. */
  | { readonly kind: 'pending'; readonly name: string }
  /** One from a backup was put over it, and is taken. It is current once servers have its secret. */
  | { readonly kind: 'restored'; readonly name: string }
  /** The client lists its secrets itself, and has no Secret. */
  | { readonly kind: 'listed'; readonly name: undefined }
  /** It is in the joined cluster of the client, where its operator writes it. */
  | { readonly kind: 'elsewhere'; readonly name: undefined }
  /** Somebody deleted or edited it: a new secret will be published. */
  | { readonly kind: 'lost'; readonly name: string }
  | { readonly kind: 'waiting-for-secret'; readonly name: string; readonly message: string }
  | { readonly kind: 'name-taken'; readonly name: string; readonly holder: NameHolder }
  | { readonly kind: 'template-invalid'; readonly name: string; readonly faults: readonly Fault[] }
  /** Its namespace is being deleted, so the API server lets nobody create one. */
  | { readonly kind: 'namespace-ending'; readonly name: string }
  /** The API server did not say whether it is there. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly message: string }
