import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import type { Page } from '../../../src/reply.ts'
import type { AreaOnPage, ClientOnPage } from '../../../src/reply/on-page.ts'
import { localesDirectory, viewsDirectory } from '../../../src/files.ts'
import { readTexts } from '../../../src/http/branding/texts.ts'
import { serve, testPages, testTexts } from '../harness.ts'
import { samplePages } from '../sample-pages.ts'

const asking = (headers: Record<string, string> = {}) => ({ headers }) as unknown as IncomingMessage
const { pages, assets } = testPages()
const render = (page: Page, headers: Record<string, string> = {}) =>
  pages.render(page, asking(headers), 'interaction:u1')

/** Without the one script that there is. */
const plain = (html: string): string => html.replace(`<script type="module" src="${assets.script}"></script>`, '')

/** Text that would break out of an element, an attribute, a title or a URL, were it not escaped. */
const markup = `"><script>alert(1)</script><img src=x onerror=alert(2)>'{username}`

describe('createPages', () => {
  for (const [name, page] of Object.entries(samplePages)) {
    describe(name, () => {
      const { status, headers, body } = render(page)

      it('has one title, one heading, one main part and a language', () => {
        for (const tag of ['<title>', '<h1>', '<main', '<html lang="en"']) {
          expect(body.split(tag), tag).to.have.length(2)
        }
        expect(status).to.equal(page.status ?? 200)
      })

      it('has at most 30 kB with its style sheet, and loads nothing from elsewhere', async () => {
        const running = await serve([assets.handle])
        const sheets = [...body.matchAll(/<link rel="stylesheet" href="([^"]*)"/g)].map(([, url]) => url ?? '')
        expect(sheets[0]).to.equal(assets.stylesheet)
        const styles = await Promise.all(sheets.map((url) => running.ask(url)))
        await running.stop()
        for (const style of styles) expect(style.status).to.equal(200)
        // a code to scan is a picture, whatever it is written in
        const page = body.replaceAll(/<svg[^]*?<\/svg>|"data:image[^"]*"/g, '')
        const whole = [page, ...styles.map((style) => style.body)]
        expect(whole.reduce((sum, text) => sum + Buffer.byteLength(text), 0)).to.be.at.most(30_000)
        const loaded = [...body.matchAll(/(?:src|<link[^>]*href)="([^"]*)"/g)].map(([, url]) => url ?? '')
        for (const url of loaded) expect(url).to.match(/^(\/assets\/|data:)/)
        for (const style of styles) expect(style.body).not.to.match(/url\(|@import/)
      })

      it('has white space wherever one piece of text follows another', () => {
        expect(body).not.to.match(/<\/(?:a|bdi|button|code|span)><(?:a|bdi|button|code|span)\b/)
      })

      it('fills in every value that its texts name, in each language', () => {
        for (const language of testTexts.languages) {
          expect(render(page, { 'accept-language': language }).body).not.to.match(/\{[a-zA-Z]+(\|[^{}]*)?\}/)
        }
      })

      it('has a script only for passwords, passkeys, recovery codes and the forms of a sign-in, and sets no style of its own', () => {
        const isOfSignIn = /<form[^>]* action="\/interaction\//.test(body)
        expect(body.includes('<script')).to.equal(isOfSignIn || / data-(reveal|options|copied)=/.test(body))
        expect(plain(body)).not.to.match(/<script|<style| style=| on[a-z]+=/i)
      })

      it('gives each control of a form an id, and each but a plain button a name', () => {
        const controls = [...body.matchAll(/<(?:input|button)\b[^>]*>/g)].map(([tag]) => tag)
        for (const tag of controls) {
          if (/type="hidden"| hidden>/.test(tag)) continue
          expect(tag, tag).to.match(/ id="[a-z-]+"/)
          // the name of the button of a search would stand in its address
          if (!/type="button"|id="(logout-stay|search|add-group)"/.test(tag))
            expect(tag, tag).to.match(/ name="[a-z-]+"/)
        }
      })

      it('leads on: there is a button, or a link that looks like one', () => {
        expect(plain(body).split('<main')[1]!.split('</main>')[0]).to.match(/<button|class="button|<nav/)
      })

      it('gives no id twice', () => {
        const ids = [...body.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
        expect(ids).to.have.members([...new Set(ids)])
      })

      it('is kept by no cache, and says its language', () => {
        expect(headers).to.include({ 'cache-control': 'no-store', 'content-language': 'en' })
        expect(headers['content-security-policy']).to.contain("script-src 'self'")
      })

      it('exists in German, without an English text', () => {
        const german = render(page, { 'accept-language': 'de' })
        expect(german.headers['content-language']).to.equal('de')
        expect(german.body).to.contain('<html lang="de"')
        expect(german.body).not.to.match(/>(Sign in|Cancel|Allow|Try again)/)
        expect(german.body).not.to.match(/\b(error|mistake|sign-in|consent|layout)\.[a-z]+(\.[a-z]+)?</)
      })
    })
  }

  it('shows the name of a scope beside its title, so that no title hides what it is', () => {
    const { body } = render(samplePages['consent']!)
    for (const part of ['Read your reports', '<code>reports.read</code>', '<code>reports.write</code>'])
      expect(body).to.contain(part)
    expect(render(samplePages['consent']!, { 'accept-language': 'de' }).body).to.contain('Ihre Berichte lesen')
  })

  it('offers a passkey before the other second steps, and Cancel below every way to sign in', () => {
    const placesIn = (name: string, ...ids: string[]) => {
      const { body } = render(samplePages[name]!)
      return ids.map((id) => body.indexOf(` id="${id}"`))
    }
    for (const places of [
      placesIn('set-up-factor', 'passkey', 'set-up', 'cancel'),
      placesIn('second-factor with app and passkey', 'passkey', 'code', 'second-factor', 'cancel'),
      placesIn('sign-in with passkeys', 'sign-in', 'passkey', 'cancel'),
      placesIn('sign-in with other services', 'sign-in', 'upstream-own', 'cancel'),
    ]) {
      expect(places[0]).to.be.greaterThan(0)
      expect(places).to.deep.equal(places.toSorted((a, b) => a - b))
    }
  })

  it('has a sample of every view', () => {
    const views = readdirSync(viewsDirectory).map((file) => file.replace('.eta', ''))
    const parts = [
      'layout',
      'head',
      'help',
      'account',
      'moment',
      'pages',
      'scopes',
      'endings',
      'session-name',
      'mistakes',
      'client',
      'person',
      'token',
      'waiting',
      'where',
      'reference',
      'password-fields',
      'keep-sessions',
      'secret',
      'passkey',
      'codes',
      'icon',
      'provider',
    ]
    const shown = new Set(Object.values(samplePages).map(({ view }) => view as string))
    expect(views.filter((view) => !parts.includes(view) && !shown.has(view))).to.deep.equal([])
  })

  it('L15 A8 shows markup in every value as text', () => {
    const client: ClientOnPage = { clientId: markup, name: markup, logo: markup, startUrl: markup, policyUrl: markup }
    const person = { username: markup, name: markup }
    const poisoned: Page[] = Object.values(samplePages).map((page) => {
      const model: Record<string, unknown> = { ...page.model, client }
      for (const [key, value] of Object.entries(model)) if (typeof value === 'string') model[key] = markup
      if ('person' in model) model['person'] = person
      if ('scopes' in model) model['scopes'] = [{ scope: markup }, { scope: markup, api: markup }]
      if ('fields' in model) model['fields'] = { [markup]: markup }
      if ('mistakes' in model) model['mistakes'] = [{ key: markup, control: markup }]
      if ('passkey' in model) model['passkey'] = { action: markup, mode: 'get', options: markup, sealed: markup }
      if ('values' in model) model['values'] = { issuer: markup }
      return { ...page, model } as unknown as Page
    })
    const developing = testPages({
      development: true,
      branding: { title: markup, footerLinks: [{ label: markup, url: 'https://a.test' }] },
    })
    for (const page of poisoned) {
      const { body } = developing.pages.render(page, asking(), 'b')
      expect(plain(body), page.view).not.to.match(/<script|<img src=x|="">/)
    }
  })

  it('L15 links to web pages only', () => {
    const url = 'javascript:alert(1)'
    const client = { clientId: 'c', name: 'c', startUrl: url, policyUrl: url, termsUrl: url }
    for (const page of Object.values(samplePages)) {
      const { body } = render({ ...page, model: { ...page.model, client } } as unknown as Page)
      expect(body, page.view).not.to.contain('javascript:')
    }
    expect(render(samplePages['consent']!).body).to.contain('href="https://expenses.example.com/privacy"')
  })

  describe('whoever reads a page', () => {
    const reader = { username: 'ada', locale: 'de', colourScheme: 'dark' } as const
    const languageOf = (page: Page, headers = { 'accept-language': 'en' }) =>
      render(page, headers).headers['content-language']
    const home = samplePages['home']!
    const area = samplePages['account-preferences']!
    const ofReader = (model: { area: AreaOnPage }) => ({ ...model, area: { ...model.area, person: reader } })

    it('gets their own language before that of the browser, and after that of the request', () => {
      expect(languageOf(home)).to.equal('en')
      expect(languageOf({ ...home, reader })).to.equal('de')
      expect(languageOf({ ...home, reader, languages: ['en'] })).to.equal('en')
      expect(languageOf({ ...home, reader, languages: ['sv'] })).to.equal('de')
    })

    it('gets the colours that they chose, else those of the system', () => {
      expect(render({ ...home, reader }).body)
        .to.contain('data-colours="dark"')
        .and.contain('content="dark"')
      expect(render(home).body).not.to.contain('data-colours')
      expect(render(home).body).to.contain('name="color-scheme" content="light dark"')
    })

    it('is the person of an area, also where a page is about somebody else', () => {
      const model = ofReader(area.model as { area: AreaOnPage })
      expect(languageOf({ ...area, model } as unknown as Page)).to.equal('de')
      const person = samplePages['admin-person']!
      const desk = ofReader(person.model as unknown as { area: AreaOnPage })
      const { body } = render({ ...person, model: desk } as unknown as Page)
      expect(body).to.contain('data-colours="dark"')
    })
  })

  it('says in the title what state a page is in', () => {
    const titleOf = (name: string) => /<title>(.*)<\/title>/.exec(render(samplePages[name]!).body)?.[1]
    expect(titleOf('sign-in')).to.equal('Sign in · Nauthera')
    expect(titleOf('sign-in with a mistake')).to.equal('Error: Sign in · Nauthera')
    expect(titleOf('sign-in again')).to.equal('Sign in again · Nauthera')
    expect(titleOf('consent')).to.equal('Allow access for Expense Reports? · Nauthera')
  })

  it('puts the focus on the summary of mistakes, and ties each to its field', () => {
    const { body } = render(samplePages['sign-in with both fields empty']!)
    expect(body).to.match(/<div class="alert" role="alert"[^>]* tabindex="-1" autofocus>/)
    expect(body.split(' autofocus')).to.have.length(2)
    for (const field of ['username', 'password']) {
      expect(body).to.match(new RegExp(`id="${field}"[^>]*aria-invalid="true" aria-describedby="mistake-${field}"`))
      expect(body).to.contain(`id="mistake-${field}"`)
    }
  })

  it('tells password managers what each field is for', () => {
    const signIn = render(samplePages['sign-in']!).body
    expect(signIn).to.match(/id="username"[^>]*autocomplete="username webauthn"/)
    expect(signIn).to.match(/id="password"[^>]*autocomplete="current-password"/)
    const change = render(samplePages['change-password']!).body
    expect(change.match(/autocomplete="new-password"/g)).to.have.length(2)
  })

  for (const [name, page] of Object.entries(samplePages)) {
    it(`tells password managers what the passwords and codes of ${name} are`, () => {
      for (const [tag] of render(page).body.matchAll(/<input\b[^>]*>/g)) {
        if (tag.includes('type="password"')) expect(tag).to.match(/ autocomplete="(current|new)-password"/)
        if (tag.includes(' name="code"')) expect(tag).to.contain(' autocomplete="one-time-code"')
        if (tag.includes(' name="username"')) expect(tag).to.match(/ autocomplete="username( webauthn)?"/)
      }
    })
  }

  it('never writes a password into the page', () => {
    expect(render(samplePages['sign-in with a mistake']!).body).not.to.match(/type="password"[^>]*value=/)
  })

  it('shows details for developers in development only', () => {
    const page = samplePages['error of the client']!
    const withoutBreaks = (body: string) => body.replaceAll('<wbr>', '')
    expect(withoutBreaks(render(page).body)).not.to.contain('expenses.example.com/callback')
    const { body } = testPages({ development: true }).pages.render(page, asking())
    expect(withoutBreaks(body)).to.contain('expenses.example.com/callback')
  })

  it('shows the correlation id and the code of an error', () => {
    const { body } = render(samplePages['error of the world']!, { 'x-correlation-id': '0123456789abcdef' })
    expect(body).to.contain('<dd id="correlation-id">0123456789abcdef</dd>')
    expect(body).to.contain('<dd id="error-code">STORE_UNAVAILABLE</dd>')
  })

  it('offers to start again at the client, by a link where it has a page and by name where not', () => {
    expect(render(samplePages['error of the person']!).body).to.match(
      /id="start-again" href="https:&#?\w*;?\/\/|id="start-again" href="https:\/\/expenses.example.com\/"/,
    )
    expect(render(samplePages['error of the client']!).body).to.contain(
      'Start again at <bdi class="value">Build console</bdi>',
    )
  })

  it('shows a brand: title, colour and links', () => {
    const branded = testPages({
      branding: { title: 'Acme', accent: '#ffdd00', footerLinks: [{ label: 'Help', url: 'https://help.example.com' }] },
    })
    const { body } = branded.pages.render(samplePages['sign-in']!, asking())
    expect(body).to.contain('Sign in · Acme').and.contain('href="https://help.example.com"')
    expect(branded.assets.stylesheet).not.to.equal(assets.stylesheet)
    const helpful = testPages({ branding: { helpUrl: 'https://help.example.com/?a=1&b="2"' } }).pages
    for (const name of ['sign-in', 'second-factor'])
      expect(helpful.render(samplePages[name]!, asking()).body).to.contain(
        'id="help" href="https://help.example.com/?a=1&amp;b=&quot;2&quot;"',
      )
    expect(render(samplePages['sign-in']!).body).not.to.contain('id="help"')
  })

  it('speaks a third language when there is one more file, without a word of English', () => {
    const directory = temporaryDirectory('locales')
    const english = JSON.parse(readFileSync(join(localesDirectory, 'en.json'), 'utf8')) as Record<string, string>
    // every text becomes its values between two marks: what is not between marks is a word that the file does not give
    const made = Object.entries(english).map(([key, text]) => [key, `«${(text.match(/\{\w+\}/g) ?? []).join(' ')}»`])
    writeFileSync(join(directory, 'en.json'), JSON.stringify(english))
    writeFileSync(join(directory, 'qya.json'), JSON.stringify(Object.fromEntries(made)))
    const texts = readTexts(directory)
    const third = testPages({ texts }).pages
    for (const [name, page] of Object.entries(samplePages)) {
      const { headers, body } = third.render(page, asking({ 'accept-language': 'qya-ME, en;q=0.5' }), 'b')
      expect(headers['content-language'], name).to.equal('qya')
      expect(body, name).to.contain('<html lang="qya"')
      for (const heading of body.match(/<h[12][^>]*>[^]*?<\/h[12]>/g) ?? [])
        if (!/<h\d[^>]*><bdi>/.test(heading)) expect(heading, name).to.contain('«')
      for (const [, label = ''] of body.matchAll(/<label (?![^>]* lang=)[^>]*>([^<]*)</g))
        expect(label, name).to.match(/^«.*»$/)
    }
  })
})
