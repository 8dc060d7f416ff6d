import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { wireMethods } from '../src/client-authentication.ts'
import { wireGrant } from '../src/grants.ts'
import { clientTypes, meaningOf } from '../src/client-types.ts'
import { notServedFaults } from '../src/not-served.ts'
import { config } from './configs.ts'

const asks: readonly [MessageInitShape<typeof ClientConfigSchema>, string][] = [
  [{ requiredAcr: ['mfa'] }, 'spec.access.requiredAcr'],
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
    for (const method of wireMethods)
      expect(notServedFaults(config({ tokenEndpointAuthMethod: method })), method).to.deep.equal([])
  })
})
