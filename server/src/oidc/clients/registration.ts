// What the library has against a client.
import { isDeepStrictEqual } from 'node:util'
import type { ClientClass, ProviderMetadata } from './oidc-client.ts'

/** Why the library refuses a client. */
export interface RegistrationFault {
  /** The key of the metadata at fault; undefined when it does not say. */
  readonly key: string | undefined
  readonly message: string
}

/** Asks the library whether it accepts the client: by its schema, and for keys by the client's object too. The object alone would
 *  answer both, at 2.5 times the cost, which a server that starts pays for every client.
 *  @param metadata RFC 7591
 *  @returns why it is refused, or which value was not kept as given: the library ignores unknown keys silently */
export function registrationFault(Client: ClientClass, metadata: ProviderMetadata): RegistrationFault | undefined {
  let registered: Readonly<Record<string, unknown>>
  try {
    // the same checks as Client.validate, but without the document of a sector, which outbound/sector-documents fetches when it is needed
    registered = new Client.Schema({ ...metadata })
    if (metadata['jwks'] !== undefined) new Client({ ...metadata })
  } catch (error) {
    return refusal(error, metadata)
  }
  const lost = Object.keys(metadata).find((key) => !isDeepStrictEqual(registered[key], metadata[key]))
  return lost === undefined
    ? undefined
    : { key: lost, message: `the protocol library ignores or changes this value of ${lost}; correct or remove it` }
}

/** @param error the library's own class, or a plain TypeError for some faults */
function refusal(error: unknown, metadata: ProviderMetadata): RegistrationFault {
  const { error_description: description, message } = error as { error_description?: string; message?: string }
  const text = description ?? message ?? 'the protocol library refuses this client and gives no reason'
  // the library's messages begin with the key at fault; when two keys match, the longer one is meant
  const key =
    Object.keys(metadata)
      .toSorted((left, right) => right.length - left.length)
      .find((name) => text.startsWith(name)) ?? (text.includes('JSON Web Key Set') ? 'jwks' : undefined)
  const detail = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return { key, message: `${text}${detail}` }
}
