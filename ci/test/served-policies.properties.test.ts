import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient, OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicySpec } from '@nauthera/operator/api/oidc-policy'
import { acceptClients } from '@nauthera/operator/decide/client/accept-clients'
import { clientIdOf, keyOf } from '@nauthera/operator/decide/client/client-names'
import { applyDefaults } from '@nauthera/operator/decide/client/apply-defaults'
import { checkPolicies } from '@nauthera/operator/decide/client/check-policies'
import { renderConfig } from '@nauthera/operator/decide/client/metadata'
import { bindingOf } from '@nauthera/operator/decide/client/policies'
import { servedViolations } from '@nauthera/operator/decide/status/served-policies'
import { meaningOf } from '@nauthera/rules/client-types'
import { renderVersion } from '@nauthera/proto/client-version'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { anyClientSpec, anyPolicySpec } from './support/any-client.ts'

// Policies are asked about objects. A version that servers still have has no object any more: what it says must come to the same.

const objectOf = (spec: OIDCClientSpec): OIDCClient => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCClient',
  metadata: { namespace: 'apps', name: 'one', uid: 'u1', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec,
})
/** A version counts whole seconds, does not say what a policy has shortened, and has secrets, whoever chose them. */
const unsaid = /^spec\.(tokens|rotation)\.|^spec\.secret\.verifiers$/

describe('servedViolations', () => {
  it('finds in a version just what the policies find in the object that it was rendered from', () => {
    let broken = 0
    fc.assert(
      fc.property(anyClientSpec, fc.array(anyPolicySpec, { maxLength: 3 }), (spec, specs) => {
        // of a type that redirects nobody a version says nothing about PKCE, since it does nothing there
        const { pkce, origin: _onlyOfAMirror, ...others } = spec
        const client = objectOf(pkce && meaningOf(spec.type).redirects ? { ...others, pkce } : others)
        const policies = [...specs, {}].map((spec: OIDCPolicySpec, index) => ({ name: `p${index}`, spec }))
        const verdict = acceptClients([client], () => policies).get(keyOf(client))
        if (verdict?.kind !== 'accepted') return
        const binding = bindingOf(policies)
        const effective = applyDefaults(client, binding).client
        const desired = renderVersion(renderConfig(effective))
        const entry = create(ShardEntrySchema, { uid: 'u1', clientId: clientIdOf(client), desired })
        const about = { policies, present: undefined, standing: 'unknown' as const }
        const said = (found: readonly { policy: string; field: string }[]) =>
          [...new Set(found.map(({ policy, field }) => `${policy} ${field}`))]
            .filter((one) => !unsaid.test(one.split(' ')[1]!))
            .toSorted()
        const ofObject = said(checkPolicies(effective, binding))
        if (ofObject.length > 0) broken++
        expect(said(servedViolations(client, entry, about))).to.deep.equal(ofObject)
      }),
      { numRuns: propertyRuns(200) },
    )
    expect(broken, 'some broke a policy').to.be.greaterThan(0)
  })
})
