// A bank with APIs that declare authorization details (RFC 9396), and clients that ask for them.
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { deviceGrant } from '@nauthera/harness/device'
import { request } from '@nauthera/harness/flows'
import { pkce } from '@nauthera/harness/browser'
import { configs, entry } from '@nauthera/harness/server'

export const bank = 'https://bank.example.com'
/** A bare name, and no name for people: they see the bare one. */
export const archive = 'archive'
/** Of another team: its types are nobody's here. */
export const vault = 'https://vault.example.com'

const payment = {
  type: 'payment',
  title: 'Make a payment from your account',
  actions: ['initiate', 'status', 'cancel'],
  locations: ['https://branch.bank.example.com'],
  identifier: true,
  fields: [
    { name: 'amount.currency', kind: 'Text' },
    { name: 'amount.value', kind: 'Text' },
    { name: 'creditor', kind: 'Text' },
    { name: 'instalments', kind: 'Number' },
    { name: 'urgent', kind: 'Boolean' },
    { name: 'notes', kind: 'Texts' },
  ],
  required: ['actions', 'amount.value', 'amount.currency'],
  texts: [
    { language: 'en', words: [{ name: 'initiate', text: 'start it' }] },
    {
      language: 'de',
      words: [
        { name: 'payment', text: 'Eine Zahlung von Ihrem Konto ausführen' },
        { name: 'initiate', text: 'sie anstoßen' },
        { name: 'creditor', text: 'Empfänger' },
      ],
    },
  ],
}
const accounts = {
  type: 'accounts',
  title: 'Look at your accounts',
  actions: ['list', 'balances', 'transactions'],
  datatypes: ['iban', 'name'],
  privileges: ['owner'],
  remember: true,
}
const apiConfig = (identifier: string, clientName: string, authorizationDetails: object[], scopes: string[]) => ({
  ...configs.api,
  clientName,
  resourceServer: { identifier, scopes, authorizationDetails },
})

/** What a request for one payment says. */
export const onePayment = (more: object = {}) => ({
  type: 'payment',
  actions: ['initiate', 'status'],
  amount: { currency: 'EUR', value: '123.50' },
  creditor: 'Merchant A',
  ...more,
})
export const allAccounts = (more: object = {}) => ({ type: 'accounts', actions: ['list', 'balances'], ...more })

const web = {
  ...configs.web,
  consent: ConsentMode.REMEMBER,
  audiences: [bank, archive],
  scopes: [...configs.web.scopes, 'bank:read'],
  authorizationDetailsTypes: ['payment', 'accounts'],
}
const granted = {
  granted: { [bank]: ['bank:read'], [archive]: [] },
  types: { [bank]: ['payment', 'accounts'], [archive]: ['accounts'] },
}
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

export const bankApi = (types: object[] = [payment, accounts]) => ({
  ...apiConfig(bank, 'Bank', types, ['bank:read']),
  grantTypes: ['client_credentials', exchangeGrant],
  audiences: [bank],
  scopes: ['bank:read'],
})
export const payingClients = (bankTypes?: object[]) => [
  entry('bank.api', bankApi(bankTypes), { granted: { [bank]: ['bank:read'] }, types: { [bank]: ['payment'] } }),
  entry('bank.archive', apiConfig(archive, '', [accounts], [])),
  entry('team.vault', apiConfig(vault, 'Vault', [{ type: 'vault_opening', title: 'Open the vault' }, payment], [])),
  entry('app.web', web, granted),
  entry('app.none', configs.web),
  entry('app.opaque', { ...web, accessTokenFormat: 'opaque' }, granted),
  entry('app.skip', { ...web, consent: ConsentMode.SKIP }, granted),
  entry('app.native', { ...web, type: 'SPA', tokenEndpointAuthMethod: 'none' }, granted),
  entry('app.plain', { ...web, authorizationDetailsTypes: [] }, { granted: { [bank]: ['bank:read'] } }),
  // it wants what nobody gave it
  entry('app.greedy', { ...web, authorizationDetailsTypes: ['payment', 'vault_opening'] }, { granted: { [bank]: [] } }),
  // an entry of an operator that does not know authorization details
  entry('app.before', web, { granted: { [bank]: ['bank:read'] } }),
  entry(
    'app.machine',
    { ...configs.machine, audiences: [bank], authorizationDetailsTypes: ['payment'] },
    { granted: { [bank]: [] }, types: { [bank]: ['payment'] } },
  ),
  entry(
    'app.device',
    {
      ...configs.spa,
      type: 'Device',
      redirectUris: [],
      corsOrigins: [],
      grantTypes: [deviceGrant, 'refresh_token'],
      audiences: [bank, archive],
      authorizationDetailsTypes: ['payment', 'accounts'],
      consent: ConsentMode.REMEMBER,
    },
    { granted: { [bank]: [], [archive]: [] }, types: { [bank]: ['payment'], [archive]: ['accounts'] } },
  ),
]

export const json = (...details: readonly unknown[]): string => JSON.stringify(details)

/** Parameters of a request to /authorize. */
export const askingFor = (details: string, more: Record<string, string> = {}): Record<string, string> =>
  request(pkce(), { scope: 'openid', resource: bank, authorization_details: details, ...more })
