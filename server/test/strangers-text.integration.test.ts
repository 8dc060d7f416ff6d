import { expect } from 'chai'
import { paths } from '@nauthera/rules/endpoints'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry } from '@nauthera/harness/server'
import { chosen, signInPage, startMailSite } from './mail/with-mail.ts'
import type { MailSite } from './mail/with-mail.ts'

/** What a stranger wants somebody else to read. */
const lure = 'ATTENTION qzmark7 your account is locked, go to https://qzmark7.test/now'
const isLured = (text: string): boolean => /qzmark7/i.test(text)

/** Where a page may give back what was typed into it: the value of a field, and addresses of our own. */
const ownFields = ['username', 'login', 'email', 'name', 'user-code', 'client', 'sign-in']
const withoutFields = (html: string): string =>
  html
    .replace(
      new RegExp(
        `<input[^>]*name="(${ownFields.join('|')})" value="[^"]{0,400}"[^>]*>|<input[^>]*value="[^"]{0,400}"[^>]*name="(${ownFields.join('|')})"[^>]*>`,
        'g',
      ),
      '',
    )
    .replace(/(href|action|formaction)="\/[^"]*"/g, '')

/** Fields of a log line that hold text of a stranger, cut and as one value; nothing else may. */
const foreignFields = ['agent', 'reason', 'detail', 'got']

describe('text that a stranger chose', () => {
  let site: MailSite
  before(async () => {
    const settings = { registration: { enabled: true }, secondFactor: { policy: 'off' } }
    site = await startMailSite({ settings })
    await site.serve([entry('app.web', configs.web)])
    for (const name of ['ada', 'bob']) await addPerson(site, name)
  })
  after(() => site?.stop())

  const headers = {
    'user-agent': lure,
    'accept-language': `qzmark7, ${lure}`,
    referer: `https://qzmark7.test/${encodeURIComponent(lure)}`,
    'x-forwarded-for': `fe80::1%qzmark7, ${lure}`,
    'x-forwarded-host': 'qzmark7.test',
    'x-forwarded-proto': lure,
    forwarded: `for="${lure}";host=qzmark7.test`,
    'x-correlation-id': lure,
    'x-request-id': lure,
    traceparent: lure,
    cookie: `nauthera_forgot=qzmark7qzmark7qzmark7qzmark7; _session=qzmark7; nauthera_session=${encodeURIComponent(lure)}`,
  }
  const stranger = () => new Browser(site, { 'user-agent': lure, 'accept-language': `qzmark7, ${lure}` })
  const auth = (more: Record<string, string>) => authorizationUrl(site.issuer, request(pkce(), more))
  const encoded = encodeURIComponent(lure)
  const typed = async (path: string, action: string, fields: Record<string, string>, browser = stranger()) =>
    browser.submit(await browser.follow(path), action, fields)
  const signIn = async (fields: Record<string, string>, browser = stranger()) =>
    browser.submit(await signInPage(site, browser), '/sign-in', fields)

  const parameters = [
    'client_id',
    'redirect_uri',
    'response_type',
    'response_mode',
    'scope',
    'state',
    'nonce',
    'prompt',
    'max_age',
    'display',
    'ui_locales',
    'claims',
    'claims_locales',
    'acr_values',
    'login_hint',
    'id_token_hint',
    'request',
    'request_uri',
    'resource',
    'code_challenge',
    'code_challenge_method',
    'authorization_details',
    'dpop_jkt',
    'registration',
    'audience',
    'web_message_uri',
    'qzmark7',
  ]
  const pages = [
    '/',
    '/no/such/page',
    paths.forgot,
    paths.register,
    paths.device,
    paths.account,
    paths.endSession,
    `${paths.endSession}/success`,
    paths.authorization,
    paths.token,
    paths.userinfo,
    paths.discovery,
    '/favicon.ico',
  ]
  const places: readonly (readonly [string, () => Promise<Answer>])[] = [
    ...pages.map(
      (path) =>
        [`headers at ${path}`, () => send(site, { path, headers: { accept: 'text/html', ...headers } })] as const,
    ),
    ...pages.map((path) => [`the query of ${path}`, () => stranger().follow(`${path}?${encoded}=${encoded}`)] as const),
    ['a very long hint', () => stranger().follow(auth({ login_hint: lure.repeat(40) }))],
    ['the path', () => stranger().follow(`/${encoded}`)],
    ['a host', () => send(site, { path: '/', headers: { ...headers, accept: 'text/html', host: 'qzmark7.test' } })],
    ...parameters.map((name) => [`${name} of a request`, () => stranger().follow(auth({ [name]: lure }))] as const),
    ...[
      'https://qzmark7.test/x',
      'qzmark7',
      'openid qzmark7',
      'urn:qzmark7',
      '{"id_token":{"qzmark7":{"essential":true}}}',
      '{"qzmark7":1}',
      '[{"type":"qzmark7"}]',
    ].flatMap((value) =>
      ['redirect_uri', 'scope', 'resource', 'claims', 'prompt', 'authorization_details', 'login_hint', 'client_id'].map(
        (name) => [`${name}=${value}`, () => stranger().follow(auth({ [name]: value }))] as const,
      ),
    ),
    ...parameters.map(
      (name) =>
        [
          `${name} of a request that fails`,
          () => stranger().follow(auth({ redirect_uri: 'https://other.test/', [name]: lure })),
        ] as const,
    ),
    ...['client_id', 'id_token_hint', 'post_logout_redirect_uri', 'state', 'logout_hint', 'ui_locales'].map(
      (name) => [`${name} of a sign-out`, () => stranger().follow(`${paths.endSession}?${name}=${encoded}`)] as const,
    ),
    ...[
      `${paths.forgot}?client=${encoded}&sign-in=${encoded}`,
      `${paths.forgot}/sent?client=${encoded}`,
      `${paths.reset}/${encoded}`,
      `${paths.reset}/done?client=${encoded}`,
      `${paths.verifyEmail}/${encoded}`,
      `${paths.invitation}/${encoded}`,
      `${paths.register}/${encoded}`,
      `${paths.loginLink}/${encoded}`,
      `${paths.interaction}/${encoded}`,
      `${paths.device}?user_code=${encoded}`,
      `${paths.federation}/${encoded}/callback?error=${encoded}&error_description=${encoded}&state=${encoded}`,
      `${paths.logo}/${encoded}/${encoded}`,
      `${paths.account}/sessions/${encoded}`,
    ].map((path) => [path.split('?')[0]!.replace(encoded, ':'), () => stranger().follow(path)] as const),
    ['the code of a device', () => typed(paths.device, paths.device, { 'user-code': lure })],
    ['the user name of a sign-in', () => signIn({ username: lure, password: lure })],
    ['the login of a forgotten password', () => typed(paths.forgot, paths.forgot, { login: lure, client: lure })],
    ['an address to register', () => typed(paths.register, paths.register, { email: lure })],
    ['a form without its token', () => send(site, { path: paths.forgot, headers, form: { login: lure } })],
  ]

  it('L33 stands on no page, whatever a request says', async () => {
    const lured: string[] = []
    for (const [place, ask] of places) {
      const { body, headers: said, status } = await ask()
      if (status === 303 || /json/.test(said['content-type'] ?? '')) continue
      if (isLured(withoutFields(body)))
        lured.push(`${place} (${status}): ${withoutFields(body).match(/.{0,60}qzmark7.{0,40}/i)?.[0]}`)
    }
    expect(lured).to.deep.equal([])
  })

  it('L33 stands in no mail to somebody else', async () => {
    await typed(paths.forgot, paths.forgot, { login: 'ada' })
    await typed(paths.register, paths.register, { email: 'ada@example.com' })
    await typed(paths.register, paths.register, { email: 'new@example.com' })
    // ten wrong passwords lock an account
    for (let tries = 0; tries < 10; tries++) await signIn({ username: 'bob', password: 'wrong' })
    await site.settled()
    const mails = site.box.mails.map(({ to, subject }) => `${to.join()}: ${subject}`)
    expect(mails).to.have.length(4)
    for (const mail of site.box.mails)
      expect(isLured(JSON.stringify([mail.raw, mail.text, mail.html])), mail.raw).to.equal(false)
  })

  it('L33 a mail names the browser in words of ours', async () => {
    const agent = `Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 ${lure}`
    const browser = new Browser(site, { 'user-agent': agent })
    await typed(paths.forgot, paths.forgot, { login: 'ada' }, browser)
    const link = await site.linkTo('ada@example.com')
    const mail = await site.newest('ada@example.com')
    expect(mail!.text)
      .to.contain('Browser: Chrome on Linux')
      .and.not.match(/qzmark7|Mozilla/)
    await browser.submit(await browser.follow(link), link, chosen)
    expect((await site.newest('ada@example.com'))!.text)
      .to.contain('Browser: Chrome on Linux')
      .and.not.match(/qzmark7/)
  })

  it('L33 stands in the log as a value of a field for it, cut', () => {
    const lured = site.lines.filter(isLured).map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lured.length).to.be.greaterThan(0)
    for (const line of lured)
      for (const [field, value] of Object.entries(line)) {
        if (!isLured(JSON.stringify(value))) continue
        expect(foreignFields, JSON.stringify(line)).to.include(field)
        expect(JSON.stringify(value).length, field).to.be.at.most(300)
      }
  })
})
