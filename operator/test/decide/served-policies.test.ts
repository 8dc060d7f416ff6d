import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { servedViolations } from '../../src/decide/status/served-policies.ts'
import type { Standing } from '../../src/decide/status/propagation.ts'
import { client, holding } from './clients.ts'

const version = (spec: Partial<OIDCClientSpec>) => renderVersion(renderConfig(client(spec)))
const older = version({ consent: 'Skip' })
const newer = version({ resourceServer: { identifier: 'https://api.example.com', scopes: [{ name: 'read' }] } })
/** Without a policy that opens them, these gates are shut. */
const policies = holding({})

describe(servedViolations.name, () => {
  const fields = (standing: Standing, stored: object, present = version({})) =>
    servedViolations(client(), create(ShardEntrySchema, { uid: 'u1', clientId: 'demo.app', ...stored }), {
      policies,
      present,
      standing,
    }).map(({ field }) => field)

  it('finds nothing where nothing is stored, or only the present version', () => {
    expect(servedViolations(client(), undefined, { policies, present: undefined, standing: 'unknown' })).to.deep.equal(
      [],
    )
    expect(fields('unknown', { desired: older }, older)).to.deep.equal([])
  })

  it('looks at the versions that servers may have', () => {
    const stored = { desired: newer, accepted: older }
    expect(fields('unknown', stored), 'some have either').to.deep.equal(['spec.resourceServer', 'spec.consent'])
    expect(fields('accepted', stored), 'all have the desired one').to.deep.equal(['spec.resourceServer'])
    expect(fields('rejected', stored), 'none has the desired one').to.deep.equal(['spec.consent'])
    expect(fields('accepted', { accepted: older }), 'there is no desired one').to.deep.equal(['spec.consent'])
  })

  it('names what both break once', () => {
    expect(fields('unknown', { desired: older, accepted: older })).to.deep.equal(['spec.consent'])
  })
})
