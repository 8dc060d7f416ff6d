import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { pairwiseWants, subjectFaults } from '../src/subjects.ts'
import { config } from './configs.ts'

type Change = MessageInitShape<typeof ClientConfigSchema>

const sector = 'https://app.example.com/sector'
const twoHosts = ['https://a.example.com/callback', 'https://b.example.com/callback']
const device = { grantTypes: ['urn:ietf:params:oauth:grant-type:device_code'] }
const byKey = { tokenEndpointAuthMethod: 'private_key_jwt' }
const jwksUri = 'https://app.example.com/jwks'

describe(subjectFaults.name, () => {
  const taken: readonly [sentence: string, change: Change][] = [
    ['public subjects', {}],
    ['subjects of one host', { subjectType: 'pairwise' }],
    [
      'subjects of several hosts with a sector',
      { subjectType: 'pairwise', redirectUris: twoHosts, sectorIdentifierUri: sector },
    ],
    ['a client without redirect URIs', { subjectType: 'pairwise', redirectUris: [] }],
    ['devices of a client with keys at an address', { subjectType: 'pairwise', ...device, ...byKey, jwksUri }],
  ]
  for (const [sentence, change] of taken)
    it(`takes ${sentence}`, () => expect(subjectFaults(config(change))).to.deep.equal([]))

  const refused: readonly [sentence: string, change: Change, message: string][] = [
    ['another type', { subjectType: 'private' }, 'must be public or pairwise'],
    ['a sector of public subjects', { sectorIdentifierUri: sector }, pairwiseWants.noSector],
    ['a machine', { subjectType: 'pairwise', type: 'M2M', redirectUris: [] }, pairwiseWants.people],
    ['several hosts without a sector', { subjectType: 'pairwise', redirectUris: twoHosts }, pairwiseWants.sector],
    [
      'a host without https',
      { subjectType: 'pairwise', redirectUris: ['http://localhost/callback'] },
      pairwiseWants.sector,
    ],
    [
      'a host with https here and http there',
      { subjectType: 'pairwise', redirectUris: ['https://localhost/callback', 'http://localhost/callback'] },
      pairwiseWants.sector,
    ],
    ['devices of a client with a secret', { subjectType: 'pairwise', ...device, jwksUri }, pairwiseWants.devices],
    [
      'devices of a client with keys in its object',
      { subjectType: 'pairwise', ...device, ...byKey },
      pairwiseWants.devices,
    ],
  ]
  for (const [sentence, change, message] of refused)
    it(`refuses ${sentence}`, () =>
      expect(subjectFaults(config(change)).map((fault) => fault.message)).to.deep.equal([message]))

  it('refuses a sector that is no https URL', () => {
    const faults = subjectFaults(config({ subjectType: 'pairwise', sectorIdentifierUri: 'http://app.example.com' }))
    expect(faults.map(({ field }) => field)).to.deep.equal(['spec.sectorIdentifierURI'])
  })
})
