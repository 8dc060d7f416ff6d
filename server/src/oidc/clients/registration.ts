// Validates a client with the library.
import { isDeepStrictEqual } from 'node:util'
import { fieldsOf } from '@nauthera/runtime/json'
import type { ClientClass, ProviderMetadata } from './oidc-client.ts'

/** Why the library refuses a client. */
export interface RegistrationFault {
  /** The key of the metadata at fault; undefined when unknown. */
  readonly key: string | undefined
  readonly message: string
}

/** Checks a client by the library's schema, and for keys by its client object too. The object alone would be enough, at 2.5 times the cost
 *  for every client at a start.
 *  @param metadata RFC 7591
 *  @returns the fault, or the value that the library changed: it ignores unknown keys silently */
export function registrationFault(Client: ClientClass, metadata: ProviderMetadata): RegistrationFault | undefined {
  let registered: Readonly<Record<string, unknown>>
  try {
    // the checks of Client.validate without the sector document, which outbound/sector-documents fetches when needed
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

/** @param error of the library's class; a TypeError for some faults */
function refusal(error: unknown, metadata: ProviderMetadata): RegistrationFault {
  const { error_description: description, message } = fieldsOf(error)
  const said = description ?? message
  const text = typeof said === 'string' ? said : 'the protocol library refuses this client and gives no reason'
  // messages begin with the key at fault; of two matches the longer one is meant
  const key =
    Object.keys(metadata)
      .toSorted((left, right) => right.length - left.length)
      .find((name) => text.startsWith(name)) ?? (text.includes('JSON Web Key Set') ? 'jwks' : undefined)
  const detail = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return { key, message: `${text}${detail}` }
}
