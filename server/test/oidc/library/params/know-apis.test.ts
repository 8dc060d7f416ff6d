import { expect } from 'chai'
import { knowApis } from '../../../../src/oidc/library/params/know-apis.ts'

const uri = 'bare:orders'

describe('knowApis', () => {
  /** What the library reads, after it has written what a request object names. */
  const asked = (params: Record<string, unknown>, written?: unknown) => {
    knowApis({ oidc: { route: 'authorization' } } as never, params, {} as never)
    if (written !== undefined) params['resource'] = written
    return params['resource']
  }

  it('takes an API by its bare name, beside others too', () => {
    expect(asked({ resource: 'orders' })).to.equal(uri)
    expect(asked({ resource: ['orders', 'https://api.example.com'] })).to.deep.equal([uri, 'https://api.example.com'])
  })

  it('takes a bare name that only a request object or a pushed request has', () => {
    expect(asked({ resource: undefined, request: 'a JWT' }, 'orders')).to.equal(uri)
    expect(asked({ resource: undefined, request_uri: 'urn:pushed' }, 'orders')).to.equal(uri)
  })
})
