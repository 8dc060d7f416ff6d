import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { detailOnPage } from '../../../src/oidc/clients/details-on-page.ts'

const words = [
  { name: 'payment', text: 'Zahlung' },
  { name: 'initiate', text: 'anstoßen' },
  { name: 'creditor', text: 'An' },
]
const declared = { type: 'payment', title: 'Make a payment', texts: [{ language: 'de', words }] }
const bank = {
  config: create(ClientConfigSchema, {
    clientName: 'Bank',
    resourceServer: { identifier: 'urn:bank', scopes: [], authorizationDetails: [declared] },
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
