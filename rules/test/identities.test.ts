import { expect } from 'chai'
import { federatedMethod } from '../src/client-authentication.ts'
import { identityFaults, identityText, serviceAccountOf, serviceAccountSubject } from '../src/identities.ts'
import { config } from './configs.ts'

const account = { namespace: 'shop', name: 'app' }
const joined = { ...account, cluster: 'edge' }
const foreign = { issuer: 'https://ci.example.com', subject: 'repo:shop' }
const proving = { type: 'M2M', tokenEndpointAuthMethod: federatedMethod }
const fieldsOf = (change: object, identityIssuers?: readonly string[]) =>
  identityFaults(config({ ...proving, ...change }), { identityIssuers }).map(({ field }) => field.replace('spec.', ''))
const isTaken = (identity: object) => fieldsOf({ identities: [identity] }).length === 0

describe(identityFaults.name, () => {
  it('takes each way to name an identity', () => {
    for (const identity of [foreign, { serviceAccount: account }, { clusterServiceAccount: joined }])
      expect(isTaken(identity), JSON.stringify(identity)).to.equal(true)
  })

  it('refuses half of one, and two in one', () => {
    for (const identity of [
      {},
      { ...foreign, issuer: '' },
      { ...foreign, subject: '' },
      { serviceAccount: { ...account, namespace: '' } },
      { serviceAccount: { ...account, name: '' } },
      { clusterServiceAccount: { ...joined, cluster: '' } },
      { serviceAccount: account, clusterServiceAccount: joined },
      { serviceAccount: account, issuer: foreign.issuer },
      { serviceAccount: account, subject: foreign.subject },
    ])
      expect(isTaken(identity), JSON.stringify(identity)).to.equal(false)
  })

  it('wants identities just where they prove the client, of a type that can', () => {
    expect(fieldsOf({ identities: [] })).to.deep.equal(['auth.identities'])
    const bySecret = { tokenEndpointAuthMethod: 'client_secret_basic' }
    expect(fieldsOf({ ...bySecret, identities: [] })).to.deep.equal([])
    expect(fieldsOf({ ...bySecret, identities: [foreign] })).to.deep.equal(['auth.identities'])
    expect(fieldsOf({ identities: [foreign], type: 'Web' })).to.deep.equal([])
    expect(fieldsOf({ identities: [foreign], type: 'SPA' })).to.deep.equal(['auth.method'])
  })

  it('refuses a subject that no platform issues', () => {
    for (const subject of ['a\u0000', 'a\u007f', '\ud800'])
      expect(isTaken({ ...foreign, subject }), JSON.stringify(subject)).to.equal(false)
  })

  it('names an issuer that the server does not know, where that is known', () => {
    const identities = [{ serviceAccount: account }, foreign]
    expect(fieldsOf({ identities }, undefined)).to.deep.equal([])
    expect(fieldsOf({ identities }, [foreign.issuer])).to.deep.equal([])
    expect(fieldsOf({ identities }, [])).to.deep.equal(['auth.identities'])
  })
})

describe('the subject of a ServiceAccount', () => {
  it('is read as it is written', () => {
    expect(serviceAccountSubject(account)).to.equal('system:serviceaccount:shop:app')
    expect(serviceAccountOf(serviceAccountSubject(account))).to.deep.equal(account)
  })

  for (const subject of [
    'repo:shop',
    'system:serviceaccount:shop',
    'system:serviceaccount::app',
    'system:serviceaccount:shop:app:x',
  ])
    it(`is not ${subject}`, () => expect(serviceAccountOf(subject)).to.equal(undefined))
})

describe(identityText.name, () => {
  it('is what people write', () => {
    const texts = fieldsOfText([{ serviceAccount: account }, { clusterServiceAccount: joined }, foreign])
    expect(texts).to.deep.equal([
      'ServiceAccount shop/app',
      'ServiceAccount shop/app of cluster edge',
      'repo:shop of https://ci.example.com',
    ])
  })
})

const fieldsOfText = (identities: object[]) => config({ identities }).identities.map(identityText)
