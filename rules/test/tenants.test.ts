import { expect } from 'chai'
import fc from 'fast-check'
import {
  clientIdPrefix,
  clusterOf,
  defaultClientId,
  isSameTenant,
  namespaceOfCluster,
  tenantOf,
  tenantText,
} from '@nauthera/rules/tenants'

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/)
const place = fc.oneof(
  fc.record({ namespace: label, name: label }),
  fc
    .record({ cluster: label, namespace: label, name: fc.stringMatching(/^[a-z0-9]([-.a-z0-9]{0,8}[a-z0-9])?$/) })
    .map(({ cluster, namespace, name }) => ({
      namespace: namespaceOfCluster(cluster),
      name: `${namespace}.${name}`,
    })),
)

describe('tenantOf', () => {
  it('is the namespace of a client of this cluster', () => {
    expect(tenantOf({ namespace: 'shop', name: 'grafana' })).to.deep.equal({ namespace: 'shop' })
    expect(defaultClientId({ namespace: 'shop', name: 'grafana' })).to.equal('shop.grafana')
    expect(clusterOf('nauthera-clusters')).to.equal(undefined)
  })

  it('is the cluster and the namespace there of a mirror, also when its name has dots', () => {
    const at = { namespace: namespaceOfCluster('edge'), name: 'shop.grafana.v2' }
    expect(tenantOf(at)).to.deep.equal({ cluster: 'edge', namespace: 'shop' })
    expect(defaultClientId(at)).to.equal('edge_shop.grafana.v2')
  })

  it('gives two tenants the same text and the same client ids only when they are one', () => {
    fc.assert(
      fc.property(place, place, (one, other) => {
        const [a, b] = [tenantOf(one), tenantOf(other)]
        expect(tenantText(a) === tenantText(b)).to.equal(isSameTenant(a, b))
        expect(defaultClientId(one).startsWith(clientIdPrefix(a))).to.equal(true)
        if (!isSameTenant(a, b)) expect(defaultClientId(one).startsWith(clientIdPrefix(b))).to.equal(false)
        if (one.namespace !== other.namespace || one.name !== other.name)
          expect(defaultClientId(one)).not.to.equal(defaultClientId(other))
      }),
    )
  })
})
