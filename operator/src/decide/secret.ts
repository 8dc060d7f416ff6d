// The application's Secret: presets, renames and templates -> data, labels, annotations.
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Fault } from '@nauthera/runtime/coded-error'
import type { Secret } from '@nauthera/runtime/log'
import type { SecretMarks } from './rotation.ts'

export interface RenderedSecret {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Plain text; the writer encodes it. */
  readonly data: Readonly<Record<string, string>>
  readonly ownerReferences: readonly Readonly<Record<string, unknown>>[]
}

/** @param input.client with the defaults of policy applied (policy.ts, applyDefaults)
 *  @param input.plain the client secret; undefined for a client without one
 *  @returns TemplateInvalid as faults when a template does not render */
export declare function renderSecret(input: {
  readonly client: OIDCClient
  readonly clientId: string
  readonly issuer: string
  readonly scopes: readonly string[]
  readonly plain: Secret | undefined
  readonly marks: SecretMarks | undefined
}): { readonly kind: 'rendered'; readonly secret: RenderedSecret } | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }

/** Reads the annotations back; `verifiers` is empty when damaged. */
export declare function readMarks(annotations: Readonly<Record<string, string>> | undefined): {
  secretId: string | undefined
  rotatedAt: number | undefined
  verifiers: SecretMarks['verifiers']
  observed: SecretMarks['observed'] | undefined
  fence: string | undefined
}
