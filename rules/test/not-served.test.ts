import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { wireMethods } from '../src/client-authentication.ts'
import { wireGrant } from '../src/grants.ts'
import { clientTypes, meaningOf } from '../src/client-types.ts'
import { notServedFaults, servedMethods } from '../src/not-served.ts'
import { config } from './configs.ts'

const asks: readonly [MessageInitShape<typeof ClientConfigSchema>, string][] = [
  [{ tokenEndpointAuthMethod: 'tls_client_auth' }, 'spec.auth.method'],
  [{ tokenEndpointAuthMethod: 'self_signed_tls_client_auth' }, 'spec.auth.method'],
  [{ requiredAcr: ['mfa'] }, 'spec.access.requiredAcr'],
  [{ subjectType: 'pairwise' }, 'spec.subjectType'],
  [{ sectorIdentifierUri: 'https://a.test/sector' }, 'spec.sectorIdentifierURI'],
]

describe('notServedFaults', () => {
  for (const [change, field] of asks) {
    it(`refuses ${field} as ${JSON.stringify(change)}, and says what to write instead`, () => {
      const faults = notServedFaults(config(change))
      expect(faults.map((fault) => [fault.field, fault.code])).to.deep.equal([[field, 'CLIENT_FEATURE_UNSUPPORTED']])
      expect(faults[0]!.message).to.match(/^is not served by this version yet; \w+/)
    })
  }

  it('lets a client pass that asks only for what the server does', () => {
    const requiredAcr = ['urn:nauthera:mfa']
    const change = {
      requirePushedAuthorizationRequests: true,
      requiredAcr,
      audiences: ['urn:a:b'],
      dpopBoundAccessTokens: true,
    }
    expect(notServedFaults(config(change))).to.deep.equal([])
  })

  it('agrees with what is served: no type is given what is refused', () => {
    for (const type of clientTypes) {
      const grantTypes = meaningOf(type).grants.map(wireGrant)
      expect(notServedFaults(config({ type, grantTypes })), type).to.deep.equal([])
    }
    for (const method of wireMethods) {
      const isRefused = notServedFaults(config({ tokenEndpointAuthMethod: method })).length > 0
      expect(isRefused, method).to.equal(!servedMethods.includes(method))
    }
  })
})
