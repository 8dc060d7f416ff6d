// OIDCClient -> ClientConfig: explicit and total. oidc-provider drops unknown keys in silence, so nothing is passed through.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { OIDCClient } from '../api/oidc-client.ts'

/** @param client with the defaults of policy applied (policy.ts, applyDefaults)
 *  @returns the client in the words of RFC 7591 with every default resolved */
export declare function renderConfig(client: OIDCClient): ClientConfig
