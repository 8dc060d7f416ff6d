import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { standingFor } from '../../../src/oidc/artefacts/resources.ts'

const api = 'https://api.test'
const named = (name: string, config: object, granted: object[] = []) =>
  ({
    clientId: name,
    namespace: 'apps',
    name,
    config: create(ClientConfigSchema, { tokenEndpointAuthMethod: 'client_secret_basic', ...config }),
    granted,
  }) as never
const owner = named('shop', { audiences: [api], scopes: ['read'] }, [{ identifier: api, scopes: ['read'] }])
const caller = named('orders', { resourceServer: { identifier: api, scopes: ['read'] } })
const token = { clientId: 'shop', aud: api, scope: 'read write' }
const served = (client: unknown) => ({ registeredById: () => client, findApi: () => undefined }) as never

describe('standingFor', () => {
  it('tells the API of a token, and its client, what it still stands for', () => {
    for (const one of [caller, owner])
      expect(standingFor(one, token, served(owner))).to.deep.equal({ kind: 'told', owner, scope: 'read' })
  })

  const anyone = named('other', {})
  const withdrawn = named('shop', { audiences: [api], scopes: ['read'] })
  for (const [sentence, one, client, why] of [
    ['a client that it is not for', anyone, owner, 'the token is for API https://api.test, not for apps/other'],
    [
      'a public client',
      named('spa', { tokenEndpointAuthMethod: 'none' }),
      owner,
      'apps/spa is a public client, and such a client introspects nothing',
    ],
    ['the API, when its client is gone', caller, undefined, 'the client shop of the token is not served any more'],
    [
      'the API, when the grant was withdrawn',
      caller,
      withdrawn,
      'the client shop of the token may not ask for the API https://api.test any more',
    ],
  ] as const)
    it(`tells nothing to ${sentence}, and says why`, () =>
      expect(standingFor(one, token, served(client))).to.deep.equal({ kind: 'untold', why }))
})
