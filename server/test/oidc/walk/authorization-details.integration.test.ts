import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { allowDevice, fetchDeviceCode, poll } from '@nauthera/harness/device'
import { claimsOfJwt, fetchCode, introspect, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { allAccounts, archive, askingFor, bank, json, onePayment, payingClients } from '../paying.ts'
import { textOf } from '../../login/second-factor-flows.ts'
import { openRequest, outcomeOf } from './walked.ts'
import type { WalkRow } from './walked.ts'

// Rich authorization requests, section by section: what is accepted and what is refused.

let replicas: ServerReplicas

const asking = (details: string, more: Record<string, string> = {}) => ({
  scope: 'openid',
  resource: bank,
  authorization_details: details,
  ...more,
})
/** A new browser each time: what was remembered for the last person does not count. */
const sent = async (details: string, more: Record<string, string> = {}) =>
  outcomeOf(await openRequest(replicas, asking(details, more)))
const descriptionOf = async (details: string, more: Record<string, string> = {}) => {
  const { location = '' } = await openRequest(replicas, asking(details, more))
  const { searchParams } = new URL(location)
  return `${searchParams.get('error')}: ${searchParams.get('error_description')}`
}
const machine = (details: string | undefined, more: Record<string, string> = {}) =>
  send(replicas, {
    path: '/token',
    headers: basic('app.machine', clientSecret),
    form: {
      grant_type: 'client_credentials',
      ...(details === undefined ? {} : { authorization_details: details }),
      ...more,
    },
  })
/** Signs in, agrees, and redeems the code for a token of the bank. */
const signIn = async (details: string, more: Record<string, string> = {}, form: Record<string, string> = {}) => {
  const code = await fetchCode(replicas, { parameters: asking(details, more) })
  return redeem(replicas, code, { form: { resource: bank, ...form }, clientId: more['client_id'] ?? 'app.web' })
}
const detailsOf = (answer: Awaited<ReturnType<typeof send>>): unknown => answer.json()['authorization_details']

const rows: readonly WalkRow[] = [
  [
    '2',
    'authorization_details is a list of objects, each with a type',
    async () => {
      expect(await sent(json(onePayment()))).to.equal('sign-in')
      for (const [text, why] of [
        ['{', 'is not JSON'],
        ['{"type":"payment"}', 'is not a list'],
        ['["payment"]', '[0] must be an object with a type'],
        ['[{"actions":["initiate"]}]', '[0] must be an object with a type'],
        ['[{"type":7}]', '[0] must be an object with a type'],
        ['[null]', '[0] must be an object with a type'],
      ] as const)
        expect(await descriptionOf(text), text)
          .to.match(/^invalid_authorization_details: /)
          .and.to.contain(why)
      // nothing is asked for
      expect(await sent('[]')).to.equal('sign-in')
    },
  ],
  [
    '2.1',
    'each type has fields of its own, and a detail has no other',
    async () => {
      for (const more of [{ urgent: true }, { instalments: 3 }, { notes: ['a', 'b'] }, { identifier: 'account-1' }])
        expect(await sent(json(onePayment(more))), JSON.stringify(more)).to.equal('sign-in')
      for (const [more, why] of [
        [{ purpose: 'x' }, 'which payment does not declare'],
        [{ urgent: 'yes' }, 'true or false'],
        [{ instalments: '3' }, 'must be a number'],
        [{ notes: 'a' }, 'a list of 1 to'],
        [{ creditor: { name: 'x' } }, 'creditor.name, which payment does not declare'],
        [{ amount: { currency: 'EUR' } }, 'lacks what payment must have: amount.value'],
        [{ datatypes: ['iban'] }, 'the API declares none'],
      ] as const)
        expect(await descriptionOf(json(onePayment(more))), JSON.stringify(more))
          .to.match(/^invalid_authorization_details: /)
          .and.to.contain(why)
    },
  ],
  [
    '2.2',
    'actions, datatypes, privileges and locations are lists of what the API declares, identifier is a text',
    async () => {
      for (const detail of [
        allAccounts({ datatypes: ['iban'], privileges: ['owner'], locations: [bank] }),
        onePayment({ locations: ['https://branch.bank.example.com'] }),
      ])
        expect(await sent(json(detail))).to.equal('sign-in')
      for (const [detail, why] of [
        [onePayment({ actions: ['delete'] }), 'may hold only: initiate, status, cancel'],
        [onePayment({ actions: 'initiate' }), 'must be a list'],
        [onePayment({ actions: [] }), 'must be a list of 1 to'],
        [onePayment({ locations: ['https://evil.test'] }), `may hold only: ${bank}`],
        [onePayment({ identifier: 7 }), 'must be a text'],
        [allAccounts({ identifier: 'x' }), 'which accounts does not declare'],
      ] as const)
        expect(await descriptionOf(json(detail)), why).to.contain(why)
      const elsewhere = json(allAccounts({ locations: [bank] }))
      expect(await descriptionOf(elsewhere, { resource: archive })).to.contain('may hold only: archive')
    },
  ],
  [
    '2.2',
    'where two APIs of a request have a type, locations say which is meant',
    async () => {
      const both = `${new URLSearchParams(askingFor(json(allAccounts()))).toString()}&resource=${archive}`
      const opened = await new Browser(replicas).follow(`${replicas.issuer}/authorize?${both}`)
      expect(new URL(opened.location!).searchParams.get('error_description')).to.contain('is of several APIs')
      const named = askingFor(json(allAccounts({ locations: [archive] })))
      const query = `${new URLSearchParams(named).toString()}&resource=${archive}`
      expect(outcomeOf(await new Browser(replicas).follow(`${replicas.issuer}/authorize?${query}`))).to.equal('sign-in')
    },
  ],
  [
    '3.1',
    'scopes and authorization details go together in one request',
    async () => {
      const answer = await signIn(json(onePayment()), { scope: 'openid bank:read' })
      expect(answer.json()['scope']).to.equal('bank:read')
      expect(detailsOf(answer)).to.deep.equal([onePayment()])
    },
  ],
  [
    '3.1',
    'a request needs no scope beside its details',
    async () => {
      const answer = await signIn(json(onePayment()), { scope: '' })
      expect(detailsOf(answer)).to.deep.equal([onePayment()])
      expect(answer.json()).not.to.have.property('scope')
    },
  ],
  [
    '3.2',
    'the API that they are for is named by resource (RFC 8707)',
    async () => {
      const opened = await openRequest(replicas, { scope: 'openid', authorization_details: json(allAccounts()) })
      expect(outcomeOf(opened)).to.equal('invalid_target')
      expect(new URL(opened.location!).searchParams.get('error_description')).to.contain(bank)
      expect(await descriptionOf(json(onePayment()), { resource: archive }))
        .to.contain('invalid_target')
        .and.to.contain(bank)
    },
  ],
  [
    '3',
    'the page that asks the person shows each detail, in their language',
    async () => {
      for (const [locale, ...words] of [
        ['en', 'Make a payment from your account', 'start it', 'amount.value', '123.50', 'Merchant A', 'Bank'],
        ['de', 'Eine Zahlung von Ihrem Konto ausführen', 'sie anstoßen', 'Empfänger', '123.50', 'Merchant A'],
      ]) {
        const browser = new Browser(replicas)
        const page = await openRequest(replicas, asking(json(onePayment()), { ui_locales: locale! }), browser)
        const consent = await browser.submit(page, '/sign-in', { username: 'ada', password })
        expect(outcomeOf(consent)).to.equal('consent')
        for (const word of words) expect(textOf(consent.body), locale).to.contain(word)
        const back = await browser.submit(consent, '/consent', { decision: 'deny' })
        expect(outcomeOf(back)).to.equal('access_denied')
      }
      const browser = new Browser(replicas)
      const atArchive = asking(json(allAccounts()), { resource: archive })
      const page = await openRequest(replicas, atArchive, browser)
      const consent = await browser.submit(page, '/sign-in', { username: 'ada', password })
      expect(consent.body).to.contain('archive').and.not.to.contain('bare:')
    },
  ],
  [
    '5',
    'an unknown type, a wrong field and a type that the client may not ask for are invalid_authorization_details',
    async () => {
      expect(await descriptionOf(json({ type: 'mortgage' })))
        .to.match(/^invalid_authorization_details: /)
        .and.to.contain('authorizationDetailsTypes')
      for (const client of ['app.plain', 'app.greedy', 'app.before'])
        expect(await sent(json(onePayment()), { client_id: client }), client).to.equal('invalid_authorization_details')
    },
  ],
  [
    '6',
    'a token request may ask for less than was granted, with a code and with a refresh token',
    async () => {
      const [less, other] = [onePayment({ actions: ['status'] }), allAccounts()]
      const code = await fetchCode(replicas, {
        parameters: asking(json(onePayment(), other), { scope: 'openid offline_access' }),
      })
      const first = await redeem(replicas, code, { form: { resource: bank, authorization_details: json(less) } })
      expect(detailsOf(first)).to.deep.equal([less])
      const second = await refresh(replicas, tokensOf(first).refresh, {
        form: { resource: bank, authorization_details: json(other) },
      })
      expect(detailsOf(second)).to.deep.equal([other])
      const third = await refresh(replicas, tokensOf(second).refresh, { form: { resource: bank } })
      expect(detailsOf(third)).to.deep.equal([onePayment(), other])
    },
  ],
  [
    '8',
    'more than was granted is refused, and the refresh token is not used up by it',
    async () => {
      const tokens = tokensOf(await signIn(json(onePayment()), { scope: 'openid offline_access' }))
      for (const more of [
        onePayment({ actions: ['initiate', 'status', 'cancel'] }),
        onePayment({ amount: { currency: 'EUR', value: '9999' } }),
        onePayment({ urgent: true }),
        allAccounts(),
        { type: 'payment' },
      ]) {
        const answer = await refresh(replicas, tokens.refresh, {
          form: { resource: bank, authorization_details: json(more) },
        })
        expect(answer.json()['error'], JSON.stringify(more)).to.equal('invalid_authorization_details')
        expect(String(answer.json()['error_description'])).to.contain('new authorization request')
      }
      expect(detailsOf(await refresh(replicas, tokens.refresh, { form: { resource: bank } }))).to.deep.equal([
        onePayment(),
      ])
    },
  ],
  [
    '7',
    'the token response says what the token has; a token for userinfo has none',
    async () => {
      const parameters = asking(json(onePayment()), { scope: 'openid offline_access' })
      const answer = await redeem(replicas, await fetchCode(replicas, { parameters }))
      expect([answer.status, detailsOf(answer)]).to.deep.equal([200, [onePayment()]])
      const less = await refresh(replicas, tokensOf(answer).refresh, { form: { scope: 'openid' } })
      expect([less.status, detailsOf(less)]).to.deep.equal([200, undefined])
    },
  ],
  [
    '9',
    'each token has what is for its API, and no more',
    async () => {
      const details = json(onePayment(), allAccounts({ locations: [archive] }))
      const asked = askingFor(details, { scope: 'openid offline_access', client_id: 'app.skip' })
      const { proof, value } = await getCodeFor(asked, [bank, archive])
      const first = await redeem(replicas, { value, proof }, { form: { resource: bank }, clientId: 'app.skip' })
      expect(detailsOf(first)).to.deep.equal([onePayment()])
      const second = await refresh(replicas, tokensOf(first).refresh, {
        form: { resource: archive },
        clientId: 'app.skip',
      })
      expect(detailsOf(second)).to.deep.equal([allAccounts({ locations: [archive] })])
      const { access } = tokensOf(second)
      for (const clientId of ['bank.archive', 'app.skip'])
        expect(detailsOf(await introspect(replicas, access, { clientId })), clientId).to.deep.equal(detailsOf(second))
    },
  ],
  [
    '9.1',
    'a JWT access token has them as a claim',
    async () => {
      const { access } = tokensOf(await signIn(json(onePayment())))
      expect(claimsOfJwt(access)['authorization_details']).to.deep.equal([onePayment()])
    },
  ],
  [
    '9.2',
    'introspection tells the API and the client, for JWTs and opaque tokens',
    async () => {
      for (const client of ['app.web', 'app.opaque']) {
        const { access } = tokensOf(await signIn(json(onePayment()), { client_id: client }))
        for (const clientId of ['bank.api', client]) {
          const answer = await introspect(replicas, access, { clientId })
          expect(detailsOf(answer), `${client} by ${clientId}`).to.deep.equal([onePayment()])
        }
        const foreign = await introspect(replicas, access, { clientId: 'bank.archive' })
        expect(foreign.json()).to.deep.equal({ active: false })
      }
    },
  ],
  [
    '10',
    'discovery lists the types, those of a client are metadata, and an API comes and goes without a restart',
    async () => {
      const types = async () =>
        (await send(replicas, { path: '/.well-known/openid-configuration' })).json()[
          'authorization_details_types_supported'
        ]
      expect(await types()).to.deep.equal(['accounts', 'payment', 'vault_opening'])
      await replicas.serve(payingClients([{ type: 'mortgage', title: 'Ask for a mortgage' }]))
      expect(await types()).to.deep.equal(['accounts', 'mortgage', 'payment', 'vault_opening'])
      expect(await sent(json(onePayment()))).to.equal('invalid_authorization_details')
      await replicas.serve(payingClients())
      expect(await types()).to.deep.equal(['accounts', 'payment', 'vault_opening'])
    },
  ],
  [
    '11.4',
    'a pushed request and that of a device carry them too',
    async () => {
      for (const [resource, detail] of [
        [bank, onePayment()],
        [archive, allAccounts()],
      ] as const) {
        const form = asking(json(detail), { resource })
        const code = await pushedCode(form)
        expect(detailsOf(await redeem(replicas, code, { form: { resource } }))).to.deep.equal([detail])
        const device = await fetchDeviceCode(replicas, form)
        await allowDevice(new Browser(replicas), device.user, { username: 'ada', password })
        expect(detailsOf(await poll(replicas, device, { form: { resource } }))).to.deep.equal([detail])
      }
      const refused = await push(askingFor(json({ type: 'mortgage' })))
      expect([refused.status, refused.json()['error']]).to.deep.equal([400, 'invalid_authorization_details'])
    },
  ],
  [
    '6',
    'a machine gets what it asks for and may have, and nothing that it did not ask for',
    async () => {
      const answer = await machine(json(onePayment()))
      expect(detailsOf(answer)).to.deep.equal([onePayment()])
      expect(claimsOfJwt(String(answer.json()['access_token']))['authorization_details']).to.deep.equal([onePayment()])
      expect(detailsOf(await machine(undefined))).to.equal(undefined)
      expect((await machine(json(allAccounts()))).json()['error']).to.equal('invalid_authorization_details')
      const described = String((await machine(json(onePayment({ actions: ['delete'] })))).json()['error_description'])
      expect(described).to.contain('may hold only')
    },
  ],
]

const push = (form: Record<string, string>) =>
  send(replicas, { path: '/request', headers: basic('app.web', clientSecret), form })

async function pushedCode(form: Record<string, string>) {
  const asked = askingFor(form['authorization_details']!, form)
  const proof = pkce()
  const pushed = await push({ ...asked, code_challenge: proof.challenge })
  expect(pushed.status, pushed.body).to.equal(201)
  const url = authorizationUrl(replicas.issuer, {
    client_id: 'app.web',
    request_uri: String(pushed.json()['request_uri']),
  })
  const back = await new Browser(replicas).authorize(url, 'ada')
  return { value: back.searchParams.get('code')!, proof }
}

async function getCodeFor(parameters: Record<string, string>, resources: readonly string[]) {
  const proof = pkce()
  const query = new URLSearchParams({ ...parameters, code_challenge: proof.challenge })
  query.delete('resource')
  for (const resource of resources) query.append('resource', resource)
  const back = await new Browser(replicas).authorize(`${replicas.issuer}/authorize?${query.toString()}`, 'ada')
  const value = back.searchParams.get('code')
  if (value === null) throw new Error(back.href)
  return { proof, value }
}

describe('RFC 9396 rich authorization requests, section', () => {
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve(payingClients())
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())
  for (const [section, sentence, show] of rows) it(`${section} ${sentence}`, show)
})
