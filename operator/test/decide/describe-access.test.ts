import { expect } from 'chai'
import { accessFaults, grantText } from '../../src/decide/access/describe-access.ts'
import type { ApiAccess, AccessRefusal } from '../../src/decide/access/resolve-access.ts'

const identifier = 'https://billing.example.com'
const granted = (scopes: string[], withheld: string[] = [], types: string[] = []): ApiAccess => ({
  kind: 'granted',
  identifier,
  scopes,
  types,
  withheld,
  api: 'shop/billing',
})
const refused = (why: AccessRefusal): ApiAccess => ({ kind: 'refused', identifier, api: 'shop/billing', why })
const messages = (scopes: string[], ...access: ApiAccess[]) =>
  accessFaults({ scopes, authorizationDetailsTypes: [] }, access).map(({ path, message }) => `${path}: ${message}`)

describe('accessFaults', () => {
  it('finds none when every audience and every scope of an API is granted', () => {
    expect(messages(['openid', 'read'], granted(['read']))).to.deep.equal([])
    expect(messages(['openid', 'profile', 'offline_access'])).to.deep.equal([])
  })

  it('names a type of authorization details that no API gives, and why', () => {
    const typed = (...access: ApiAccess[]) =>
      accessFaults({ scopes: [], authorizationDetailsTypes: ['payment'] }, access).map(
        ({ path, message }) => `${path}: ${message}`,
      )
    expect(typed(granted([], [], ['payment']))).to.deep.equal([])
    expect(typed()[0])
      .to.contain('spec.authorizationDetailsTypes: payment')
      .and.to.contain('add the identifier of that API')
    expect(typed(granted([], ['payment']))[0]).to.contain('OIDCClient shop/billing needs it in an entry')
    expect(typed(granted([]))[0]).to.contain('of none of the APIs in spec.audiences')
  })

  const rows: readonly [AccessRefusal, string][] = [
    [
      { kind: 'undeclared' },
      'create an OIDCClient with this spec.resourceServer.identifier, correct the identifier, or ask for such a policy',
    ],
    [{ kind: 'policy', policy: 'tenants' }, '(policy tenants); remove it, or ask for it to be added there'],
    [
      { kind: 'no-entry' },
      'OIDCClient shop/billing needs an entry in spec.resourceServer.access for its namespace or client id',
    ],
    [
      { kind: 'closed', standing: 'suspended' },
      'while OIDCClient shop/billing is suspended; set spec.suspended there to false',
    ],
    [
      { kind: 'closed', standing: 'invalid' },
      'while OIDCClient shop/billing breaks a rule; see its condition Accepted',
    ],
    [
      { kind: 'closed', standing: 'denied' },
      'while a policy refuses OIDCClient shop/billing; see its condition PolicyCompliant',
    ],
    [
      { kind: 'closed', standing: 'taken' },
      'OIDCClient shop/billing has a name of another one; see its condition Accepted',
    ],
    [
      { kind: 'closed', standing: 'waiting' },
      'before OIDCClient shop/billing is served under it; see its conditions Accepted and Ready',
    ],
  ]
  for (const [why, cure] of rows) {
    it(`names the audience, the object and the cure: ${JSON.stringify(why)}`, () => {
      const [message] = messages([], refused(why))
      expect(message).to.match(/^spec\.audiences: https:\/\/billing\.example\.com /)
      expect(message).to.include(cure)
    })
  }

  it('sends nobody to a policy for a bare name, which no policy can allow alone', () =>
    expect(messages([], { ...refused({ kind: 'undeclared' }), identifier: 'rabbitmq' })[0])
      .to.contain('spec.audiences: rabbitmq is declared by no OIDCClient')
      .and.not.to.contain('policy'))

  it('says of a scope what must change', () => {
    expect(messages(['read', 'write'], granted(['read'], ['write']))).to.deep.equal([
      'spec.scopes: write is not given to this client; OIDCClient shop/billing needs it in an entry of spec.resourceServer.access for this client',
    ])
    expect(messages(['wirte'], granted([]))[0]).to.include('is a scope of none of the APIs in spec.audiences')
    expect(messages(['read'])[0]).to.include('add the identifier of that API to spec.audiences')
  })

  it('does not repeat a refused audience for each of its scopes', () => {
    expect(messages(['read', 'write'], refused({ kind: 'no-entry' }))).to.have.length(1)
  })
})

describe('grantText', () => {
  it('shows the scopes, or says that there are none', () => {
    expect(grantText(granted(['read', 'write']))).to.equal('https://billing.example.com (read, write)')
    expect(grantText(granted([]))).to.include('no scope: spec.scopes of this client has none of the API')
  })
})
