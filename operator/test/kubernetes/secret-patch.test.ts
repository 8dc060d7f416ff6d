import { expect } from 'chai'
import { fieldManagers } from '@nauthera/proto/names'
import { planSecretPatch } from '../../src/kubernetes/secret-patch.ts'
import type { SecretContent } from '../../src/kubernetes/secret-patch.ts'
import type { SecretObject } from '../../src/kubernetes/objects.ts'

const wanted: SecretContent = {
  labels: { ours: 'yes' },
  annotations: { note: '1' },
  data: { client_id: 'YQ==' },
  ownerReferences: [{ apiVersion: 'v1', kind: 'OIDCClient', name: 'reports', uid: 'u1', controller: true }],
}
const stored = (more: Partial<SecretObject> = {}, managed: Record<string, unknown> = {}): SecretObject => ({
  metadata: {
    name: 'reports-oidc',
    namespace: 'apps',
    resourceVersion: '7',
    labels: { ours: 'yes' },
    annotations: { note: '1' },
    ownerReferences: [...wanted.ownerReferences!],
    managedFields: [{ manager: fieldManagers.operator, operation: 'Update', fieldsV1: managed }],
  },
  data: { client_id: 'YQ==' },
  ...more,
})

describe('planSecretPatch', () => {
  it('plans nothing when nothing would change', () => {
    expect(planSecretPatch(stored(), wanted)).to.equal(undefined)
  })

  it('is conditional on the version that was read, and names only what differs', () => {
    expect(planSecretPatch(stored(), { ...wanted, data: { client_id: 'Yg==' } })).to.deep.equal({
      metadata: { resourceVersion: '7' },
      data: { client_id: 'Yg==' },
    })
  })

  it('removes a key that we wrote and no longer want', () => {
    const before = stored(
      { data: { client_id: 'YQ==', old: 'Yw==' } },
      { 'f:data': { 'f:client_id': {}, 'f:old': {} } },
    )
    expect(planSecretPatch(before, wanted)).to.deep.equal({ metadata: { resourceVersion: '7' }, data: { old: null } })
  })

  it('removes a label and an annotation that we wrote and no longer want', () => {
    const before = stored({}, { 'f:metadata': { 'f:labels': { 'f:gone': {} }, 'f:annotations': { 'f:gone': {} } } })
    before.metadata.labels!['gone'] = 'x'
    before.metadata.annotations!['gone'] = 'x'
    expect(planSecretPatch(before, wanted)).to.deep.equal({
      metadata: { resourceVersion: '7', labels: { gone: null }, annotations: { gone: null } },
    })
  })

  it('leaves what others wrote', () => {
    const before = stored({ data: { client_id: 'YQ==', theirs: 'Yw==' } }, { 'f:data': { 'f:client_id': {} } })
    before.metadata.labels!['theirs'] = 'x'
    expect(planSecretPatch(before, wanted)).to.equal(undefined)
  })

  it('sets the owner again, and leaves owners alone when none is wanted', () => {
    const before = stored()
    before.metadata.ownerReferences = []
    expect(planSecretPatch(before, wanted)).to.have.nested.property('metadata.ownerReferences[0].uid', 'u1')
    const { ownerReferences: _none, ...unowned } = wanted
    expect(planSecretPatch(before, unowned)).to.equal(undefined)
  })
})
