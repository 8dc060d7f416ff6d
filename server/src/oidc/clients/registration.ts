import { isDeepStrictEqual } from 'node:util'
import type { ClientClass, ProviderMetadata } from './oidc-client.ts'

/** What the library has against a client. */
export interface RegistrationFault {
  /** The key of the metadata at fault; undefined when it does not say. */
  readonly key: string | undefined
  readonly message: string
}

/** Registers a client with the library, for its answer alone.
 *  @param metadata RFC 7591
 *  @returns what the library refuses, or keeps other than it was given: it drops a key that it does not know without a word */
export function registrationFault(Client: ClientClass, metadata: ProviderMetadata): RegistrationFault | undefined {
  let registered: Readonly<Record<string, unknown>>
  try {
    // the checks of Client.validate without its request to a sector URI, which this release refuses anyway
    registered = new Client({ ...metadata }).metadata()
  } catch (error) {
    return refusal(error, metadata)
  }
  const lost = Object.keys(metadata).find((key) => !isDeepStrictEqual(registered[key], metadata[key]))
  return lost === undefined ? undefined : { key: lost, message: `${lost} would not be kept as written` }
}

/** @param error not only the library's own class: some faults surface as a bare TypeError */
function refusal(error: unknown, metadata: ProviderMetadata): RegistrationFault {
  const { error_description: description, message } = error as { error_description?: string; message?: string }
  const text = description ?? message ?? 'the library refuses this client'
  // its sentences begin with the key; of two that begin alike the longer one is meant
  const key =
    Object.keys(metadata)
      .toSorted((left, right) => right.length - left.length)
      .find((name) => text.startsWith(name)) ?? (text.includes('JSON Web Key Set') ? 'jwks' : undefined)
  const detail = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return { key, message: `${text}${detail}` }
}
