import { expect } from 'chai'
import { createShare, createShareClient } from '../../src/intake/share.ts'
import { client as clientOf } from '../decide/clients.ts'

describe('createShare', () => {
  it('returns what is equal as the same object, and leaves alone what is not', () => {
    const share = createShare()
    const first = share({ scopes: ['read'] })
    expect(share({ scopes: ['read'] })).to.equal(first)
    expect(share({ scopes: ['write'] })).to.deep.equal({ scopes: ['write'] })
    for (const value of [undefined, null, 7, true]) expect(share(value)).to.equal(value)
  })

  it('takes no text for a value that is written alike', () => {
    const share = createShare()
    expect(share(['a'])).to.deep.equal(['a'])
    expect(share('["a"]')).to.equal('["a"]')
  })

  it('forgets the oldest of more than 2,000 values', () => {
    const share = createShare()
    const first = share({ at: 0 })
    for (let at = 1; at < 2_000; at++) share({ at })
    expect(share({ at: 0 })).to.equal(first)
    share({ at: 2_000 })
    expect(share({ at: 0 })).not.to.equal(first)
  })
})

describe('createShareClient', () => {
  const condition = (message: string) => ({
    type: 'Accepted',
    status: 'True' as const,
    reason: 'Accepted',
    message,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })
  const named = (name: string, message: string) => ({
    ...clientOf({ audiences: ['https://api.example.com'] }, { name, labels: { team: 'a' } }),
    status: { clientId: name, policies: ['baseline'], conditions: [condition(message)], secret: { name } },
  })

  it('changes nothing of what a client says', () => {
    const shareClient = createShareClient()
    for (const name of ['a', 'b']) expect(shareClient(named(name, 'good'))).to.deep.equal(named(name, 'good'))
  })

  it('keeps once what two clients have in common', () => {
    const shareClient = createShareClient()
    const [one, other] = [shareClient(named('a', 'good')), shareClient(named('b', 'good'))]
    expect(other.status.conditions[0]).to.equal(one.status.conditions[0])
    expect(other.status.policies).to.equal(one.status.policies)
    expect(other.spec.audiences).to.equal(one.spec.audiences)
    expect(other.metadata.labels).to.equal(one.metadata.labels)
  })

  it('takes a client of any shape: without our schema in the CRD the API server lets anything in', () => {
    const shareClient = createShareClient()
    for (const odd of [
      { spec: null, status: 'text' },
      { spec: [], status: { conditions: 'none', secret: 7 } },
      { spec: 'text', status: { conditions: [null, 'x'] } },
    ]) {
      const client = { ...clientOf(), ...odd } as never
      expect(shareClient(client)).to.deep.equal(client)
    }
  })
})
