import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { ClientConfigSchema, ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** @param change what differs from a Web client that anybody would take */
export const config = (change: MessageInitShape<typeof ClientConfigSchema> = {}): ClientConfig =>
  create(ClientConfigSchema, {
    generation: 1n,
    type: 'Web',
    clientName: 'Shop',
    redirectUris: ['https://app.example.com/callback'],
    grantTypes: ['authorization_code', 'refresh_token'],
    responseModes: ['query', 'form_post'],
    scopes: ['openid', 'profile'],
    tokenEndpointAuthMethod: 'client_secret_basic',
    pkceRequired: true,
    profile: 'Standard',
    consent: ConsentMode.REMEMBER,
    subjectType: 'public',
    ...change,
  })

export const everything = { hasSecret: true, algorithms: ['ES256', 'RS256', 'PS256', 'EdDSA'] }
