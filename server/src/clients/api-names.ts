// Maps a bare API name (`rabbitmq`) to the URI `bare:rabbitmq` and back, since the protocol library only knows absolute URIs. Tokens,
// pages and errors have the name. No identifier in an OIDCClient begins with `bare:`.

const scheme = 'bare:'

/** @param identifier as in an OIDCClient, `resource`, `audience` or `aud`. There `bare:rabbitmq` names no API */
export const uriOfApi = (identifier: string): string =>
  identifier.includes(':') && !isBareUri(identifier) ? identifier : `${scheme}${identifier}`

export const isBareUri = (identifier: string): boolean => identifier.startsWith(scheme)

/** The reverse of `uriOfApi`. */
export const nameOfApi = (uri: string): string => (isBareUri(uri) ? uri.slice(scheme.length) : uri)
