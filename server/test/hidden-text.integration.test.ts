import { expect } from 'chai'
import { paths } from '@nauthera/rules/endpoints'
import { Browser, authorizationUrl, basic, password, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, clientSecret } from '@nauthera/harness/server'
import { signInMember } from './admin/members.ts'
import { chosen, signInPage, startMailSite, wordsOf } from './mail/with-mail.ts'
import type { MailSite } from './mail/with-mail.ts'

const nul = 'a\u0000b'
const turned = 'Ada \u202eecalevoL'

describe('text that PostgreSQL cannot hold, or that shows nothing', () => {
  let site: MailSite
  let member: Browser
  before(async () => {
    site = await startMailSite({ settings: { registration: { enabled: true }, admin: { group: 'desk' } } })
    await addPerson(site, 'agent', ['desk'])
    member = await signInMember(site, 'agent')
  })
  after(() => site?.stop())

  const stranger = () => new Browser(site)
  const client = basic('app.web', clientSecret)
  const form = (path: string, fields: Record<string, string>) => () =>
    send(site, { path, headers: client, form: fields })
  const typed = async (path: string, action: string, fields: Record<string, string>, browser: Browser) =>
    browser.submit(await browser.follow(path), action, fields)

  const places: readonly (readonly [string, () => Promise<Answer>])[] = [
    ...[
      '/admin?q=%00',
      '/admin?q=a%00b&after=%00',
      '/admin/clients?q=%00&after=%00',
      '/admin/people/%00',
      '/account?q=%00',
      '/account/sessions/%00',
      '/account/applications/%00',
      '/account/security/remove-passkey?id=%00',
    ].map((path) => [path, () => member.copy().follow(path)] as const),
    ...[
      '/forgot?client=%00&sign-in=%00',
      '/forgot/sent?client=%00',
      `${paths.reset}/%00`,
      `${paths.reset}/done?client=%00`,
      `${paths.verifyEmail}/%00`,
      `${paths.invitation}/%00`,
      `${paths.register}/%00`,
      `${paths.interaction}/%00`,
      '/authorize?client_id=%00',
      '/logout?client_id=%00&id_token_hint=%00&state=%00',
    ].map((path) => [path, () => stranger().follow(path)] as const),
    ['the login of a forgotten password', () => site.forgot(nul)],
    ['its client', () => typed('/forgot', '/forgot', { login: 'ada', client: nul }, stranger())],
    ['the address to register', () => typed('/register', '/register', { email: `a${nul}@example.com` }, stranger())],
    [
      'the user name of a sign-in',
      async () => {
        const browser = stranger()
        return browser.submit(await signInPage(site, browser), '/sign-in', { username: nul, password })
      },
    ],
    [
      'its password',
      async () => {
        const browser = stranger()
        return browser.submit(await signInPage(site, browser), '/sign-in', { username: 'agent', password: nul })
      },
    ],
    ...(['state', 'nonce', 'login_hint', 'scope', 'acr_values', 'ui_locales', 'claims'] as const).map(
      (name) =>
        [
          `${name} of a request`,
          () => stranger().follow(authorizationUrl(site.issuer, request(pkce(), { [name]: nul }))),
        ] as const,
    ),
    ['a code', form('/token', { grant_type: 'authorization_code', code: nul, redirect_uri: nul, code_verifier: nul })],
    ['a refresh token', form('/token', { grant_type: 'refresh_token', refresh_token: nul })],
    ['a token to look at', form(paths.introspection, { token: nul, token_type_hint: nul })],
    ['a token to revoke', form(paths.revocation, { token: nul })],
    [
      'a client id',
      () => send(site, { path: '/token', form: { grant_type: nul, client_id: nul, client_secret: nul } }),
    ],
    ['a name in the profile', () => typed('/account/profile', '/profile', { name: nul }, member.copy())],
    ['a nickname in the profile', () => typed('/account/profile', '/profile', { nickname: nul }, member.copy())],
    ['a zone in the profile', () => typed('/account/profile', '/profile', { zoneinfo: nul }, member.copy())],
    ['a passkey', () => typed('/account/security/passkey', '/passkey', { name: nul, credential: nul }, member.copy())],
  ]
  for (const [place, ask] of places) {
    it(`${place}: a NUL is refused or finds nothing`, async () => {
      const answer = await ask()
      expect(answer.status, wordsOf(answer)).to.be.lessThan(500)
    })
  }

  it('the audit log has a row for each of them', async () => {
    const { audit } = site.apps[0]!.store
    await audit.flush()
    expect(audit.backlog()).to.deep.equal({ waiting: 0, lost: 0, setAside: 0 })
  })

  it('a name of a new account: it is said, and the link still works', async () => {
    const browser = stranger()
    await typed('/register', '/register', { email: 'new@example.com' }, browser)
    const link = await site.linkTo('new@example.com')
    for (const name of [nul, turned]) {
      const said = await typed(link, link, { ...chosen, name }, browser)
      expect(said.status, wordsOf(said)).to.equal(200)
      expect(said.body).to.contain('id="mistake-name"')
    }
    const done = await typed(link, link, { ...chosen, name: 'نیک\u200cنام' }, browser)
    expect(done.url).to.contain('/invitation/done')
    expect(await site.apps[0]!.store.users.findByLogin('new@example.com')).to.include({ name: 'نیک\u200cنام' })
  })

  it('nobody turns the direction of their own name, or of their nickname', async () => {
    for (const field of ['name', 'nickname']) {
      const said = await typed('/account/profile', '/profile', { [field]: turned }, member.copy())
      expect(wordsOf(said), field).to.contain('characters that cannot be used here')
    }
  })
})
