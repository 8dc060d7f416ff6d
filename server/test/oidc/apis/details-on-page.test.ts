import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { apiScopeOnPage, detailOnPage } from '../../../src/oidc/apis/details-on-page.ts'

const words = [
  { name: 'payment', text: 'Zahlung' },
  { name: 'initiate', text: 'anstoßen' },
  { name: 'creditor', text: 'An' },
]
const declared = { type: 'payment', title: 'Make a payment', texts: [{ language: 'de', words }] }
const bank = {
  config: create(ClientConfigSchema, {
    clientName: 'Bank',
    resourceServer: {
      identifier: 'urn:bank',
      scopes: ['read', 'write'],
      authorizationDetails: [declared],
      scopeTexts: [
        { scope: 'read', language: 'en', title: 'Read your account', description: 'What it holds.' },
        { scope: 'read', language: 'de', title: 'Ihr Konto lesen' },
        { scope: 'close', language: 'de', title: 'Ihr Konto schließen' },
      ],
    },
  }),
}
const apis = { findApi: (id: string) => (id === 'urn:bank' ? bank : undefined) } as never

describe('detailOnPage', () => {
  it('shows every value, in the words of the API where it has some, and those of the application as they are', () => {
    const detail = {
      type: 'payment',
      actions: ['initiate', 'status'],
      identifier: 'initiate',
      creditor: 'initiate',
      amount: { value: 12.5 },
      urgent: false,
    }
    expect(detailOnPage({ api: 'urn:bank', detail }, apis)).to.deep.equal({
      api: 'Bank',
      title: { text: 'Make a payment', by: { de: 'Zahlung' } },
      eachTime: true,
      rows: [
        { label: 'actions', values: [{ text: 'initiate', by: { de: 'anstoßen' } }, { text: 'status' }] },
        { label: 'identifier', values: [{ text: 'initiate' }] },
        { label: { text: 'creditor', by: { de: 'An' } }, values: [{ text: 'initiate' }] },
        { label: { text: 'amount.value' }, values: [{ text: '12.5' }] },
        { label: { text: 'urgent' }, values: [false] },
      ],
    })
  })

  it('shows what no API declares any more by its own names', () => {
    const detail = { type: 'payment', actions: ['initiate'] }
    expect(detailOnPage({ api: 'urn:gone', detail }, apis)).to.deep.equal({
      api: 'urn:gone',
      title: { text: 'payment' },
      eachTime: true,
      rows: [{ label: 'actions', values: [{ text: 'initiate' }] }],
    })
  })
})

describe('apiScopeOnPage', () => {
  it('shows a scope by what the API calls it, in each language, and by its name where it says nothing', () => {
    expect(apiScopeOnPage('read', 'urn:bank', apis)).to.deep.equal({
      scope: 'read',
      api: 'Bank',
      title: { text: 'Read your account', by: { en: 'Read your account', de: 'Ihr Konto lesen' } },
      description: { text: 'What it holds.', by: { en: 'What it holds.' } },
    })
    expect(apiScopeOnPage('close', 'urn:bank', apis).title).to.deep.equal({
      text: 'Ihr Konto schließen',
      by: { de: 'Ihr Konto schließen' },
    })
    expect(apiScopeOnPage('write', 'urn:bank', apis)).to.deep.equal({ scope: 'write', api: 'Bank' })
    expect(apiScopeOnPage('read', 'urn:gone', apis)).to.deep.equal({ scope: 'read', api: 'urn:gone' })
  })
})
