import { expect } from 'chai'
import { codeFinish } from '../../../src/oidc/artefacts/code-finish.ts'
import type { CodeAuthorization } from '../../../src/oidc/artefacts/code-finish.ts'
import type { RequestContext } from '../../../src/oidc/request-context.ts'

type Loaded = NonNullable<RequestContext['loaded']>
type Consent = NonNullable<Loaded['account']>['consent']

describe(codeFinish.name, () => {
  const authorization: CodeAuthorization = {
    client: { clientId: 'shop.web', uid: 'uid-shop' },
    session: { uid: 'session', accountId: 'ada', version: 1, loginTs: 1, until: 2, sid: 'sid' },
    submission: undefined,
    interaction: undefined,
    grant: { id: 'grant', scopes: new Set(['openid']) },
  }
  const consent: Consent = {
    userId: 'ada',
    clientUid: 'uid-shop',
    clientId: 'shop.web',
    scopes: ['openid'],
    payload: {},
    grantedAt: new Date(0),
  }
  const personOf = (found: Consent) => {
    const loaded = { account: { standing: 'then', consent: found } } as Loaded
    const peer = { address: '192.0.2.1', userAgent: 'a browser' }
    return codeFinish(authorization, { peer, correlationId: 'c', loaded }, 0).person
  }

  it('T5 binds a code to the standing, and to what the person has allowed the client for good', () => {
    expect(personOf(consent)).to.deep.equal({
      userId: 'ada',
      standing: 'then',
      consentedTo: { clientUid: 'uid-shop', grantedAt: consent.grantedAt },
      beside: undefined,
    })
    expect(personOf(undefined)).to.deep.equal({
      userId: 'ada',
      standing: 'then',
      consentedTo: undefined,
      beside: undefined,
    })
  })
})
