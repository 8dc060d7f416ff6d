import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { usualTokenLife } from '@nauthera/rules/limits'
import { expect } from 'chai'
import { signedTokenLife, tokenTermsAt } from '../../../src/oidc/apis/api-tokens.ts'
import type { OidcClient } from '../../../src/oidc/clients/oidc-client.ts'

type Config = Record<string, unknown>

const identifier = 'https://api.example.com'
const configOf = (change: Config) => create(ClientConfigSchema, change as MessageInitShape<typeof ClientConfigSchema>)
const clientOf = (change: Config) => ({
  config: configOf({ accessTokenSignedResponseAlg: 'ES256', audiences: [identifier], ...change }),
  granted: [{ identifier, scopes: [], types: [] }],
  namespace: 'shop',
  name: 'app',
})
const apisWith = (resourceServer: Config | undefined) => ({
  findApi: () =>
    resourceServer && ({ config: configOf({ resourceServer: { identifier, ...resourceServer } }) } as OidcClient),
})
const terms = (api: Config | undefined, client: Config = {}) =>
  tokenTermsAt(identifier, clientOf(client), apisWith(api))

describe(tokenTermsAt.name, () => {
  it('takes the algorithm of the API, else that of the client', () => {
    expect(terms({ accessTokenSignedResponseAlg: 'RS256' }).algorithm).to.equal('RS256')
    expect(terms({}).algorithm).to.equal('ES256')
    expect(terms(undefined).algorithm).to.equal('ES256')
  })

  it('takes no algorithm from an API that FAPI 2.0 does not allow to the client', () => {
    const fapi = { profile: 'FAPI2' }
    expect(terms({ accessTokenSignedResponseAlg: 'RS256' }, fapi).algorithm).to.equal('ES256')
    expect(terms({ accessTokenSignedResponseAlg: 'PS256' }, fapi).algorithm).to.equal('PS256')
  })

  it('takes the format of the API, else that of the client, else JWT', () => {
    expect(terms({ accessTokenFormat: 'opaque' }).format).to.equal('opaque')
    expect(terms({ accessTokenFormat: 'jwt' }, { accessTokenFormat: 'opaque' }).format).to.equal('jwt')
    expect(terms({}, { accessTokenFormat: 'opaque' }).format).to.equal('opaque')
    expect(terms({}).format).to.equal('jwt')
  })

  it('lives as long as the shortest of API, client and policies says, and the usual time where none does', () => {
    expect(terms({}).seconds).to.equal(usualTokenLife.access)
    expect(terms({ accessTokenTtl: 7200 }).seconds).to.equal(7200)
    expect(terms({}, { accessTokenTtl: 7200 }).seconds).to.equal(7200)
    expect(terms({ accessTokenTtl: 7200 }, { accessTokenTtl: 60 }).seconds).to.equal(60)
    expect(terms({ accessTokenTtl: 7200 }, { accessTokenTtlLimit: 90 }).seconds).to.equal(90)
    expect(terms({}, { accessTokenTtlLimit: 90_000 }).seconds, 'a limit is no wish').to.equal(usualTokenLife.access)
  })
})

describe(signedTokenLife.name, () => {
  const life = (api: Config, client: Config = {}) => signedTokenLife(clientOf(client), apisWith(api))

  it('is the lifetime of tokens that an API reads by itself', () => {
    expect(life({ accessTokenTtl: 7200 })).to.equal(7200)
    expect(life({ accessTokenTtl: 7200, accessTokenFormat: 'opaque' })).to.equal(0)
    expect(life({ accessTokenTtl: 7200 }, { audiences: [] })).to.equal(0)
  })
})
