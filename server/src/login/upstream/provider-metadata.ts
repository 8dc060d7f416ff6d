// What a provider says of itself: the part that is used, read once. Nothing else of it is kept.
import { CodedError } from '@nauthera/runtime/coded-error'
import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { z } from '@nauthera/runtime/settings'
import { isLoopback } from '@nauthera/rules/issuer'

/** Characters. */
const longestUrl = 2000
const words = z.array(z.string().max(200)).max(200)

/** An address that browsers and this server may go to. @param plainHttp as well by http, on this machine */
const addressSchema = (plainHttp: boolean) =>
  z
    .string()
    .max(longestUrl)
    .refine((text) => isAddress(text, plainHttp), 'must be an https address without user name and fragment')

function isAddress(text: string, plainHttp: boolean): boolean {
  if (!URL.canParse(text) || hasHiddenCharacters(text)) return false
  const { protocol, hostname, username, password, hash } = new URL(text)
  if (username !== '' || password !== '' || hash !== '') return false
  return protocol === 'https:' || (plainHttp && protocol === 'http:' && isLoopback(hostname))
}

const metadataSchema = (plainHttp: boolean) => {
  const address = addressSchema(plainHttp)
  return z.object({
    // compared with that of the settings by the library
    issuer: z.string().max(longestUrl),
    authorization_endpoint: address,
    token_endpoint: address,
    jwks_uri: address,
    userinfo_endpoint: address.optional(),
    end_session_endpoint: address.optional(),
    token_endpoint_auth_methods_supported: words.optional(),
    id_token_signing_alg_values_supported: words.optional(),
    authorization_response_iss_parameter_supported: z.boolean().optional(),
    claims_parameter_supported: z.boolean().optional(),
  })
}

const schemas = { https: metadataSchema(false), plain: metadataSchema(true) }

type OpenIdStatement = z.output<typeof schemas.https>
/** What is said of a provider without OpenID has no keys. */
export type ProviderStatement = Omit<OpenIdStatement, 'jwks_uri'> & Partial<Pick<OpenIdStatement, 'jwks_uri'>>

/** @throws CodedError UPSTREAM_ANSWER_INVALID with every fault */
export function parseMetadata(said: unknown, plainHttp: boolean): OpenIdStatement {
  const parsed = (plainHttp ? schemas.plain : schemas.https).safeParse(said)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new CodedError('UPSTREAM_ANSWER_INVALID', {
    message: `what it says of itself is not right: ${faults.join('; ')}`,
  })
}
