// The identifier of an API may be a bare name (`rabbitmq`), and the protocol library knows an API by an absolute URI alone. So in here such an API is
// `bare:rabbitmq`; tokens, pages and errors say the name. No identifier in an OIDCClient begins with `bare:`.

const scheme = 'bare:'

/** @param identifier as the world says it: in an OIDCClient, in `resource` and `audience`, in `aud`. `bare:rabbitmq` is nobody's there: an API has
 *  one name */
export const uriOfApi = (identifier: string): string =>
  identifier.includes(':') && !isBareUri(identifier) ? identifier : `${scheme}${identifier}`

export const isBareUri = (identifier: string): boolean => identifier.startsWith(scheme)

/** The way back. */
export const nameOfApi = (uri: string): string => (isBareUri(uri) ? uri.slice(scheme.length) : uri)
