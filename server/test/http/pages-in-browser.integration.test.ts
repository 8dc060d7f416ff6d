import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import type { RequestHandler } from 'express'
import type { Browser, CDPSession, Page as BrowserPage } from 'playwright-core'
import { answerPage } from '../../src/http/request/answer.ts'
import { createHeaders } from '../../src/http/pages/headers.ts'
import { createRequestLog } from '../../src/http/request/request-log.ts'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { findAxeViolations, startChromium, watchPage } from '@nauthera/harness/chromium'
import { keepLog, serve, testPages, testTexts } from './harness.ts'
import type { RunningPages } from './harness.ts'
import { samplePages } from './sample-pages.ts'

const footerLinks = [
  { label: 'Help', url: 'https://help.example.com' },
  { label: 'Privacy', url: 'https://www.example.com/privacy' },
]
const { pages, assets } = testPages({
  development: true,
  branding: { footerLinks, helpUrl: 'https://help.example.com/sign-in' },
})

/** 320 px is 400 % of 1280 px; 640 px at twice the density is 200 %; 390 px is a phone. */
const looks = [
  { colorScheme: 'light', width: 1280 },
  { colorScheme: 'light', width: 640 },
  { colorScheme: 'light', width: 320 },
  { colorScheme: 'dark', width: 1280 },
  { colorScheme: 'dark', width: 390 },
  { colorScheme: 'dark', width: 320 },
] as const

const names = Object.keys(samplePages)
const isFirstOfView = (name: string): boolean =>
  names.find((one) => samplePages[one]!.view === samplePages[name]!.view) === name

/** A look of a page in a language, and whether axe sees it, which takes as long as all else. */
interface Sight {
  readonly language: string
  readonly look: (typeof looks)[number]
  readonly axe: boolean
}

const all: readonly Sight[] = testTexts.languages.flatMap((language) =>
  looks.map((look) => ({ language, look, axe: true })),
)

/** The first sample of a view is seen in English in light and wide, in German in dark and narrow, and by layout alone in four others: two
 *  of them by turns, as its place gives. A further sample of that view is seen in German and narrow, which has the least room, in light or dark
 *  by turns. `npm run nightly` sees all.
 *  @param place of the page among the samples */
function sightsOf(place: number): readonly Sight[] {
  if (propertyRuns(1) > 1) return all
  const [english, german] = testTexts.languages
  const chosen = (language: string | undefined, look: number, axe: boolean) =>
    all.filter((one) => one.language === language && one.look === looks[look]).map((one) => ({ ...one, axe }))
  if (!isFirstOfView(names[place]!)) return chosen(german, place % 2 === 0 ? 2 : 5, true)
  const always = [
    chosen(english, 0, true),
    chosen(english, 2, false),
    chosen(german, 0, false),
    chosen(german, 5, true),
  ]
  const others = all.filter(
    ({ language, look }) => !always.flat().some((one) => one.language === language && one.look === look),
  )
  const turns = [place, place + Math.floor(others.length / 2)].map((turn) => ({
    ...others[turn % others.length]!,
    axe: false,
  }))
  return [...always.flat(), ...turns]
}

/** A page of the browser that visits one sample after the other. */
interface Tab {
  readonly page: BrowserPage
  readonly devTools: CDPSession
  readonly seen: ReturnType<typeof watchPage>
  free: Promise<void>
}

/** Runs in the page: another page in its place, under the same policy. Costs a quarter of going there, and no other thing differs: all pages
 *  have one policy and the same style sheets. Chromium heeds `autofocus` once for each page that it goes to, so the focus is set here. */
const writePage = (html: string): string => `new Promise((loaded) => {
  document.open()
  window.addEventListener('load', () => {
    document.querySelector('[data-autofocus]')?.focus()
    loaded()
  })
  document.write(${JSON.stringify(html)})
  document.close()
})`

/** Runs in the page. Two pieces of text that begin and end with a letter, on one line, with less than 2 px between them: a space
 *  was lost, in the view or in the layout (a flex container drops those at the ends of its text). */
const findJoinedWords = `(() => {
  const pieces = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim()
    if (text === '' || node.parentElement.closest('.hidden')) continue
    const start = node.data.indexOf(text)
    const boxOf = (from, to) => {
      const range = document.createRange()
      range.setStart(node, from)
      range.setEnd(node, to)
      return range.getBoundingClientRect()
    }
    const first = boxOf(start, start + 1)
    const last = boxOf(start + text.length - 1, start + text.length)
    if (first.width > 0) pieces.push({ text, first, last })
  }
  return pieces.slice(1).flatMap((right, index) => {
    const left = pieces[index]
    const meet = /[\\p{L}\\p{N}]$/u.test(left.text) && /^(?![\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}])[\\p{L}\\p{N}]/u.test(right.text)
    const sameLine = left.last.top < right.first.bottom && right.first.top < left.last.bottom
    return meet && sameLine && right.first.left - left.last.right < 2 ? [left.text + '|' + right.text] : []
  })
})()`

/** Runs in the page. Addresses that break though their line has room for them, or within a word though there was a sign to break behind. */
const findBrokenAddresses = `(() => [...document.querySelectorAll('[translate=no]')].flatMap((element) => {
  const heightOf = () => element.getBoundingClientRect().height
  let block = element.parentElement
  while (getComputedStyle(block).display.startsWith('inline')) block = block.parentElement
  const { paddingLeft, paddingRight } = getComputedStyle(block)
  const room = block.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)
  const height = heightOf()
  element.style.cssText = 'white-space: nowrap; max-width: none'
  const isBroken = heightOf() < height
  const fits = element.getBoundingClientRect().width <= room
  element.style.cssText = ''
  if (!isBroken) return []
  if (fits) return ['fits: ' + element.textContent]
  const range = document.createRange()
  return [element, ...element.querySelectorAll('bdi')].flatMap((part) => [...part.childNodes]).flatMap((node) => {
    if (node.nodeType !== Node.TEXT_NODE || node.data.includes('-')) return []
    range.selectNodeContents(node)
    const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)))
    return lines.size > 1 && range.getClientRects()[0].width < room - 1 ? ['within a word: ' + node.data] : []
  })
}))()`

/** Runs in the page. Lines that have nothing but signs: those of the text around an address must stay with it. */
const findLonelySigns = `(() => [...document.querySelectorAll('bdi')].flatMap((element) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  walker.currentNode = element
  let next = walker.nextNode()
  while (next && element.contains(next)) next = walker.nextNode()
  const [signs] = /^[^\\s\\p{L}\\p{N}]+/u.exec(next?.data ?? '') ?? []
  if (signs === undefined) return []
  const range = document.createRange()
  range.setStart(next, 0)
  range.setEnd(next, signs.length)
  const lines = [...element.getClientRects()]
  const isWith = range.getBoundingClientRect().top < lines[lines.length - 1].bottom
  return isWith ? [] : ['lonely: ' + element.textContent + '|' + signs]
}))()`

/** Runs in the page, where everything stands in one column. What Tab reaches has a ring that can be seen, and follows what the eye reads; the
 *  focus is at the mistakes, and each wrong field names its own. Leaves the focus where it was. */
const findKeyboardFaults = `(() => {
  const first = document.activeElement
  const faults = []
  const mistakes = document.getElementById('mistakes')
  if (mistakes && first !== mistakes) faults.push('the focus is not at the mistakes')
  for (const field of document.querySelectorAll('[aria-invalid]')) {
    const named = (field.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id))
    if (!named.some((one) => one && mistakes?.contains(one))) faults.push('names no mistake: ' + field.id)
  }
  const reached = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex]')]
    .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility())
  let before
  for (const one of reached) {
    const name = one.id || one.textContent.trim()
    if (one.tabIndex > 0) faults.push('has a place of its own: ' + name)
    one.focus({ preventScroll: true })
    const { outlineStyle, outlineWidth } = getComputedStyle(one)
    if (document.activeElement !== one) faults.push('takes no focus: ' + name)
    else if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) faults.push('shows no focus: ' + name)
    const box = one.getBoundingClientRect()
    const isAbove = before && box.bottom <= before.top
    const isLeft = before && box.top < before.bottom && before.top < box.bottom && box.right <= before.left
    if (isAbove || isLeft) faults.push('is seen before what has the focus before it: ' + name)
    before = box
  }
  if (first === document.body) document.activeElement.blur()
  else first.focus({ preventScroll: true })
  return faults
})()`

/** Runs in the page. All panels of an area are as wide as its column. */
const findOddPanels = `[...document.querySelectorAll('.panel')]
  .filter((panel) => panel.offsetWidth !== document.querySelector('.content').offsetWidth)
  .map((panel) => 'of another width: ' + panel.textContent.trim())`

/** Runs in the page. @returns what Tab must come to from the top of the page, and notes in \`window.walked\` what it comes to */
const startWalk = `(() => {
  const nameOf = (one) => one.id || one.textContent.trim()
  window.walked = []
  document.addEventListener('focusin', ({ target }) => window.walked.push(nameOf(target)))
  const isReached = (one) =>
    one.tabIndex >= 0 && !one.disabled && one.checkVisibility() && (one.type !== 'radio' || one.checked)
  const reachable = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex]')]
  const names = reachable.filter(isReached).map(nameOf)
  document.activeElement.blur()
  document.body.tabIndex = -1
  document.body.focus()
  window.walked = []
  return names
})()`

describe('the pages in a browser', function () {
  let browser: Browser
  let running: RunningPages
  let client: RunningPages
  let page: BrowserPage
  let tabs: Tab[]
  let formTargets: string[] = []

  const show: RequestHandler = (request, response, next) => {
    const name = decodeURIComponent(request.path.slice(1))
    const sample = samplePages[name]
    if (!sample) return next()
    // the browser has a language of its own, and sends that whatever headers a test sets
    const { language } = request.query
    if (typeof language === 'string') request.headers['accept-language'] = language
    answerPage(request, response, pages.render({ ...sample, formTargets }, request, 'interaction:u1'))
  }
  const toClient: RequestHandler = (request, response, next) => {
    if (request.method !== 'POST') return next()
    response.redirect(303, `${client.origin}/callback`)
  }
  const callback: RequestHandler = (_, response) =>
    void response.send(`<title>Back at the client</title><iframe src="${running.origin}/sign-in"></iframe>`)

  before(async function () {
    browser = await startChromium(this)
    const openTab = async (): Promise<Tab> => {
      const opened = await browser.newPage({ locale: 'en', deviceScaleFactor: 1 })
      const devTools = await opened.context().newCDPSession(opened)
      return { page: opened, devTools, seen: watchPage(opened, running.origin), free: Promise.resolve() }
    }
    client = await serve([callback])
    running = await serve([
      createRequestLog({ log: keepLog(), routeOf: (path) => path, now: () => 0 }),
      createHeaders({ issuer: new URL('http://localhost') }),
      assets.handle,
      show,
      toClient,
    ])
    tabs = await Promise.all([openTab(), openTab()])
  })
  after(async () => {
    await browser?.close()
    await running?.stop()
    await client?.stop()
  })
  /** What a visit of a page found wrong; `wide`: pixels that it goes beyond the window; `odd`: panels of another width than the others. */
  interface Visit {
    readonly joined: Readonly<Record<string, readonly string[]>>
    readonly broken: Readonly<Record<string, readonly string[]>>
    readonly keyboard: Readonly<Record<string, readonly string[]>>
    readonly axe: Readonly<Record<string, readonly string[]>>
    readonly wide: Readonly<Record<string, number>>
    readonly odd: Readonly<Record<string, readonly string[]>>
    readonly seen: ReturnType<typeof watchPage>
  }

  const readSheets = new Set<string>()
  /** Whether the page has style sheets that axe has not read yet: all pages have the same few. */
  const hasNewSheets = async (page: BrowserPage): Promise<boolean> => {
    const sheets = await page.evaluate<string>('[...document.styleSheets].map(({ href }) => href).join(" ")')
    const isNew = !readSheets.has(sheets)
    readSheets.add(sheets)
    return isNew
  }

  let written = 0
  /** The first page of each view is gone to; all others are written in its place. */
  const open = async ({ page }: Tab, name: string, language: string, isNew: boolean): Promise<void> => {
    if (isNew || page.url() === 'about:blank')
      await page.goto(`${running.origin}/${encodeURIComponent(name)}?language=${language}`)
    else {
      const asked = { headers: { 'accept-language': language } } as IncomingMessage
      const { body } = pages.render({ ...samplePages[name]!, formTargets: [] }, asked, 'interaction:u1')
      // a module runs once for each address
      const html = body
        .replaceAll(' autofocus', ' data-autofocus')
        .replace(/(?<=<script[^>]* src="[^"]*)"/, `?${written++}"`)
      await page.evaluate(writePage(html))
    }
    expect(await page.getAttribute('html', 'lang')).to.equal(language)
  }

  /** As `setViewportSize`, which also moves a window that nobody sees, at twice the cost. */
  const resize = ({ devTools }: Tab, width: number) =>
    devTools.send('Emulation.setDeviceMetricsOverride', { width, height: 700, deviceScaleFactor: 1, mobile: false })

  const visit = async (tab: Tab, name: string): Promise<Visit> => {
    const { page, seen } = tab
    const joined: Record<string, string[]> = {}
    const broken: Record<string, string[]> = {}
    const keyboard: Record<string, string[]> = {}
    const axe: Record<string, string[]> = {}
    const wide: Record<string, number> = {}
    const odd: Record<string, string[]> = {}
    let isRead = false
    let shown: string | undefined
    for (const { language, look, axe: isSeenByAxe } of sightsOf(names.indexOf(name))) {
      const { colorScheme, width } = look
      const where = `${language} ${colorScheme} ${width}`
      if (language !== shown) await open(tab, name, language, shown === undefined && isFirstOfView(name))
      shown = language
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await resize(tab, width)
      if (isSeenByAxe) {
        // the structure of a page is the same in each look and language, and is read once
        axe[where] = await findAxeViolations(page, isRead ? { look: true } : { styles: await hasNewSheets(page) })
        isRead = true
      }
      if (width !== 640) joined[where] = await page.evaluate<string[]>(findJoinedWords)
      if (width < 640)
        broken[where] = await page.evaluate<string[]>(`[...${findBrokenAddresses}, ...${findLonelySigns}]`)
      if (width < 640) keyboard[where] = await page.evaluate<string[]>(findKeyboardFaults)
      wide[where] = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )
      odd[where] = await page.evaluate<string[]>(findOddPanels)
    }
    return {
      joined,
      broken,
      keyboard,
      axe,
      wide,
      odd,
      seen: { complaints: seen.complaints.splice(0), strangers: seen.strangers.splice(0) },
    }
  }

  const visits = new Map<string, Promise<Visit>>()
  /** Two pages are visited at once: while one is looked at, the other tab is at work on the next one. */
  const visited = async (name: string): Promise<Visit> => {
    const index = names.indexOf(name)
    for (const [ahead, next] of names.slice(index, index + tabs.length).entries()) {
      if (visits.has(next)) continue
      const tab = tabs[(index + ahead) % tabs.length]!
      const begun = tab.free.then(() => visit(tab, next))
      tab.free = begun.then(
        () => undefined,
        () => undefined,
      )
      visits.set(next, begun)
    }
    return visits.get(name)!
  }
  const faultsIn = (found: Readonly<Record<string, readonly string[]>>) =>
    Object.entries(found).flatMap(([where, faults]) => faults.map((fault) => `${where}: ${fault}`))

  for (const name of names) {
    it(`${name}: no two words run together and no address is broken, in any language and width`, async () => {
      const { joined, broken } = await visited(name)
      expect(faultsIn(joined)).to.deep.equal([])
      expect(faultsIn(broken)).to.deep.equal([])
    })

    it(`${name}: the keyboard reaches all that can be used, in the order of what is seen, and begins at the mistakes`, async () => {
      const { keyboard } = await visited(name)
      expect(Object.keys(keyboard)).not.to.deep.equal([])
      expect(faultsIn(keyboard)).to.deep.equal([])
    })

    it(`${name}: axe finds nothing, no scroll bar to the side, nothing is blocked or loaded from elsewhere`, async () => {
      const { axe, wide, odd, seen } = await visited(name)
      expect(faultsIn(axe)).to.deep.equal([])
      expect(faultsIn(odd)).to.deep.equal([])
      expect(Object.entries(wide).filter(([, pixels]) => pixels !== 0)).to.deep.equal([])
      expect(seen).to.deep.equal({ complaints: [], strangers: [] })
    })
  }

  const inOwnPage = (sentence: string, work: () => Promise<void>) =>
    it(sentence, async () => {
      formTargets = []
      page = await browser.newPage({ locale: 'en', deviceScaleFactor: 1 })
      try {
        await work()
      } finally {
        await page.close()
      }
    })

  const focused = () => page.evaluate<string>('document.activeElement.id')

  inOwnPage('Tab walks each page from its first link or field to its last one, and passes nothing over', async () => {
    const few = [
      'sign-in with other services',
      'set-up-factor',
      'choose-account among several',
      'account-preferences',
      'admin-person',
    ]
    const walked = propertyRuns(1) > 1 ? names.filter(isFirstOfView) : few
    for (const name of walked) {
      await page.goto(`${running.origin}/${encodeURIComponent(name)}`)
      const reachable = await page.evaluate<string[]>(startWalk)
      for (const _ of reachable) await page.keyboard.press('Tab')
      expect(await page.evaluate('window.walked'), name).to.deep.equal(reachable)
    }
  })

  inOwnPage(
    'the keyboard faults that are put in are found: no ring, a place of its own, an order that is not seen',
    async () => {
      await page.setViewportSize({ width: 390, height: 700 })
      await page.goto(`${running.origin}/${encodeURIComponent('sign-in with a mistake')}`)
      await page.evaluate(`(() => {
      document.getElementById('remember').style.outline = 'none'
      document.getElementById('password').tabIndex = 3
      document.getElementById('cancel').parentElement.style.order = '-1'
      document.querySelector('main').style.cssText = 'display: flex; flex-direction: column'
      document.getElementById('username').removeAttribute('aria-describedby')
      document.activeElement.blur()
    })()`)
      expect(await page.evaluate<string[]>(findKeyboardFaults)).to.deep.equal([
        'the focus is not at the mistakes',
        'names no mistake: username',
        'has a place of its own: password',
        'shows no focus: remember',
        'is seen before what has the focus before it: cancel',
      ])
    },
  )

  inOwnPage(
    'sign-in works by keyboard: name, password, show it, remember, sign in, cancel, in this order',
    async () => {
      await page.goto(`${running.origin}/sign-in`)
      const order = [await focused()]
      for (let step = 0; step < 5; step++) {
        await page.keyboard.press('Tab')
        order.push(await focused())
      }
      expect(order).to.deep.equal(['username', 'password', 'reveal-password', 'remember', 'sign-in', 'cancel'])
    },
  )

  describe('a password', () => {
    const stateOf = (id: string) =>
      page.evaluate<[string, string | null, string | null]>(
        `[document.getElementById('${id}').type, document.getElementById('reveal-${id}').getAttribute('aria-pressed'),
          document.getElementById('reveal-${id}').getAttribute('aria-label')]`,
      )

    inOwnPage('can be shown and hidden again, and whoever types keeps the place', async () => {
      await page.goto(`${running.origin}/sign-in`)
      await page.fill('#password', 'horse')
      await page.keyboard.press('ArrowLeft')
      expect(await stateOf('password')).to.deep.equal(['password', 'false', 'Show: Password'])
      await page.click('#reveal-password')
      expect(await stateOf('password')).to.deep.equal(['text', 'true', 'Show: Password'])
      expect(await focused()).to.equal('password')
      await page.keyboard.type('s')
      expect(await page.inputValue('#password')).to.equal('horsse')
      expect(await findAxeViolations(page)).to.deep.equal([])
      await page.focus('#reveal-password')
      await page.keyboard.press('Space')
      expect(await stateOf('password')).to.deep.equal(['password', 'false', 'Show: Password'])
      expect(await focused()).to.equal('reveal-password')
    })

    inOwnPage('is hidden when the form is sent, and is sent as it was typed', async () => {
      await page.goto(`${running.origin}/sign-in`)
      await page.fill('#username', 'ada')
      await page.fill('#password', 'horse')
      await page.click('#reveal-password')
      // else the page would be gone before it can be looked at
      await page.evaluate(`document.getElementById('sign-in-form').addEventListener('submit', (event) => {
        event.preventDefault()
        window.sent = new FormData(event.target).get('password')
      })`)
      await page.click('#sign-in')
      expect((await stateOf('password'))[0]).to.equal('password')
      expect(await page.evaluate('window.sent')).to.equal('horse')
    })

    inOwnPage('has a button for each field, in the language of the page, and none without a script', async () => {
      for (const [name, ids] of [
        ['account-password', ['current-password', 'new-password', 'repeat-password']],
        ['new-password', ['new-password', 'repeat-password']],
        ['change-password', ['new-password', 'repeat-password']],
        ['join', ['new-password', 'repeat-password']],
      ] as const) {
        await page.goto(`${running.origin}/${name}?language=de`)
        for (const id of ids) expect((await stateOf(id))[2], `${name} ${id}`).to.match(/^Anzeigen: .*asswort/)
      }
      const without = await browser.newPage({ javaScriptEnabled: false })
      await without.goto(`${running.origin}/sign-in`)
      expect(await without.locator('#password').count()).to.equal(1)
      expect(await without.locator('.secret button').count()).to.equal(0)
      await without.close()
    })
  })

  describe('recovery codes', () => {
    inOwnPage('can be copied, saved as a file and printed', async () => {
      await page.goto(`${running.origin}/recovery-codes`)
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      const codes = await page.locator('#recovery-codes code').allTextContents()
      await page.click('#copy-codes')
      await page.locator('#codes-copied', { hasText: /^The codes are copied\.$/ }).waitFor({ state: 'attached' })
      expect(await page.evaluate('navigator.clipboard.readText()')).to.equal(codes.join('\n'))

      const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download-codes')])
      expect(download.suggestedFilename()).to.equal('recovery-codes.txt')
      const saved = readFileSync(await download.path(), 'utf8')
      expect(saved).to.equal(`Nauthera: Save your recovery codes\n\n${codes.join('\n')}\n`)

      await page.emulateMedia({ media: 'print' })
      expect(await page.locator('#recovery-codes').isVisible()).to.equal(true)
      expect(await page.locator('#copy-codes').isVisible()).to.equal(false)
    })
  })

  inOwnPage('the browser tells its time zone', async () => {
    const opened = await browser.newPage({ timezoneId: 'Asia/Tokyo' })
    await opened.goto(`${running.origin}/sign-in`)
    expect(await opened.evaluate('document.cookie')).to.equal('nauthera_zone=Asia/Tokyo')
    await opened.close()
  })

  inOwnPage('a mistake has the focus, and the next Tab is its field', async () => {
    await page.goto(`${running.origin}/${encodeURIComponent('sign-in with a mistake')}`)
    expect(await focused()).to.equal('mistakes')
    await page.keyboard.press('Tab')
    expect(await focused()).to.equal('username')
  })

  inOwnPage('Enter in a field signs in, and does not cancel', async () => {
    await page.goto(`${running.origin}/${encodeURIComponent('sign-in again')}`)
    await page.fill('#password', 'a password')
    const [request] = await Promise.all([
      page.waitForRequest((one) => one.method() === 'POST'),
      page.keyboard.press('Enter'),
    ])
    expect(new URL(request.url()).pathname).to.equal('/interaction/u1/sign-in')
    expect(request.headers()['origin']).to.equal(running.origin)
  })

  inOwnPage('a double click on a button of a sign-in sends its form once', async () => {
    formTargets = [`${client.origin}/callback`]
    for (const [name, button] of [
      ['consent', '#consent-allow'],
      ['choose-account', '#account-continue'],
      ['second-factor', '#second-factor'],
    ] as const) {
      await page.goto(`${running.origin}/${name}`)
      if (name === 'second-factor') await page.fill('#code', '123456')
      let sent = 0
      const clicked = Promise.withResolvers<void>()
      await page.route('**/interaction/**', async (route) => {
        sent++
        // the answer is still on its way at the second click
        await clicked.promise
        await route.continue()
      })
      await page.dblclick(button, { delay: 20 })
      clicked.resolve()
      await page.waitForURL(`${client.origin}/callback`)
      await page.unroute('**/interaction/**')
      expect(sent, name).to.equal(1)
    }
  })

  inOwnPage('a form may end at the client by redirects when the page names it, and only then', async () => {
    formTargets = [`${client.origin}/callback`]
    await page.goto(`${running.origin}/consent`)
    await page.click('#consent-allow')
    await page.waitForURL(`${client.origin}/callback`)
    expect(await page.title()).to.equal('Back at the client')

    formTargets = []
    await page.goto(`${running.origin}/consent`)
    const refused = page.waitForEvent('console', (message) => message.text().includes('form-action'))
    await page.click('#consent-allow')
    await refused
    expect(new URL(page.url()).origin).to.equal(running.origin)
  })

  inOwnPage('L3 no page can be put into a frame', async () => {
    const answered = page.waitForResponse(`${running.origin}/sign-in`)
    await page.goto(client.origin)
    await answered
    const [frame] = page.mainFrame().childFrames()
    expect(await frame?.locator('#username').count()).to.equal(0)
    expect(frame?.url()).to.match(/^chrome-error:/)
  })

  inOwnPage('axe finds faults that are put in: a field without a label, text with too little contrast', async () => {
    await page.goto(`${running.origin}/sign-in`)
    await page.evaluate(`document.querySelector('label[for=username]').remove()`)
    await page.evaluate(`document.querySelector('h1').style.color = '#eee'`)
    const found = (await findAxeViolations(page)).join('\n')
    expect(found).to.contain('label:').and.contain('color-contrast:')
    expect((await findAxeViolations(page, { look: true })).join('\n')).to.contain('color-contrast:')
  })
})
