import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { findAxeViolations, startChromium, watchPage } from '@nauthera/harness/chromium'

const dist = 'site/dist'
const repository = 'https://example.org/nauthera/blob/main'
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
}

/** @returns what a page loads beside its pictures: itself, its style and its scripts */
const partsOf = (page: string): Set<string> =>
  new Set([
    page,
    ...[...readFileSync(page, 'utf8').matchAll(/<(?:link|script)[^>]* (?:href|src)="\/([^"]+)"/g)].map(([, part]) =>
      join(dist, part!),
    ),
  ])

describe('the site, as a web server shows it', function () {
  this.timeout(1_800_000)
  let server: Server
  let origin: string
  before(async () => {
    const build = spawn('npm', ['run', '--silent', 'site', '--', '--build', '--repository', repository], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    expect(await once(build, 'close')).to.deep.equal([0, null])
    server = createServer((request, response) => {
      const file = join(dist, decodeURIComponent(new URL(request.url!, 'http://site').pathname))
      const found = statSync(file, { throwIfNoEntry: false })?.isDirectory() ? join(file, 'index.html') : file
      if (!globSync(found).length) return void response.writeHead(404).end()
      response.setHeader('content-type', types[extname(found)] ?? 'application/octet-stream').end(readFileSync(found))
    })
    origin = `http://127.0.0.1:${await listenOnLoopback(server)}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  it('shows braces as text', () => {
    const faulty = globSync(`${dist}/**/*.html`).filter((page) =>
      /\{\{ (site|theme)\./.test(readFileSync(page, 'utf8')),
    )
    expect(faulty).to.deep.equal([])
  })

  it('keeps to itself the notes for who writes or tests a page', () => {
    const faulty = globSync(`${dist}/**/*.html`).filter((page) => readFileSync(page, 'utf8').includes('&lt;!--'))
    expect(faulty).to.deep.equal([])
  })

  it('needs less than 100 kB for a page with its style and scripts, sent with gzip', () => {
    const sizes = new Map<string, number>()
    const sizeOf = (file: string) => {
      const size = sizes.get(file) ?? gzipSync(readFileSync(file)).length
      sizes.set(file, size)
      return size
    }
    const large = globSync(`${dist}/**/*.html`).flatMap((page) => {
      const size = [...partsOf(page)].reduce((sum, file) => sum + sizeOf(file), 0)
      return size < 100_000 ? [] : [`${page}: ${size}`]
    })
    expect(large).to.deep.equal([])
  })

  describe('in a browser', () => {
    let browser: Browser
    before(async function () {
      browser = await startChromium(this)
    })
    after(() => browser?.close())

    it('tells at first sight what it is, with a picture that moves and a drawing, light, dark and on a telephone', async () => {
      const grounds: string[] = []
      for (const colorScheme of ['light', 'dark'] as const)
        for (const width of [1280, 380]) {
          const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } })
          await page.goto(`${origin}/index.html`)
          const isInView = async (text: string) => {
            const { y, height } = (await page.getByText(text).boundingBox())!
            return y + height < 900
          }
          expect(await isInView('An OpenID Connect provider whose clients are Kubernetes objects')).to.equal(true)
          const moving = `.rotation .${width < 640 ? 'narrow' : 'wide'}`
          const { x, width: wide } = (await page.locator(moving).boundingBox())!
          expect(x >= 0 && x + wide <= width && wide > 300, `${moving} is seen`).to.equal(true)
          const place = `document.querySelector('${moving} .request').getBoundingClientRect().x`
          const before = await page.evaluate<number>(place)
          await page.waitForFunction(`${place} !== ${before}`)
          const drawing = page.locator('.drawing img')
          await drawing.scrollIntoViewIfNeeded()
          await page.waitForFunction(`document.querySelector('.drawing img').naturalWidth > 0`)
          expect((await drawing.boundingBox())!.width).to.be.greaterThan(600)
          grounds.push(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor'))
          await page.close()
        }
      const [light, , dark] = grounds
      expect(grounds).to.deep.equal([light, light, dark, dark])
      expect(light).to.not.equal(dark)
    })

    it('loads what a page shows, and no page that it links to', async () => {
      const page = await browser.newPage()
      const loaded = new Set<string>()
      page.on('request', (request) => loaded.add(join(dist, new URL(request.url()).pathname)))
      await page.goto(`${origin}/how-to/secret-leaked.html`, { waitUntil: 'networkidle' })
      const wanted = partsOf(`${dist}/how-to/secret-leaked.html`)
      expect([...loaded].filter((file) => !wanted.has(file))).to.deep.equal([])
      await page.close()
    })

    it('is read without scripts: the text, and a way to every page', async () => {
      const page = await browser.newPage({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } })
      const found = new Set(['index.html'])
      for (const place of found) {
        await page.goto(`${origin}/${place}`)
        expect((await page.getByRole('main').first().innerText()).length, place).to.be.greaterThan(100)
        expect(await page.locator('h1').first().isVisible(), place).to.equal(true)
        const links = await page.evaluate<string[]>(
          `[...document.querySelectorAll('a[href]')].filter((link) => link.checkVisibility()).map((link) => link.href)`,
        )
        for (const { origin: host, pathname } of links.map((link) => new URL(link))) {
          const file = pathname.endsWith('/') ? `${pathname}index.html` : pathname
          if (host === origin && file.endsWith('.html')) found.add(file.slice(1))
        }
      }
      await page.close()
      const built = globSync(`${dist}/**/*.html`, { exclude: ['**/404.html'] }).map((file) =>
        file.slice(dist.length + 1),
      )
      expect(built.filter((file) => !found.has(file))).to.deep.equal([])
    })

    it('finds a word, and has its version in the corner and the source of each page', async () => {
      const page = await browser.newPage()
      const { strangers } = watchPage(page, origin)
      await page.goto(`${origin}/how-to/secret-leaked.html`)
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
      expect(await page.getByRole('banner').getByText(version, { exact: true }).first().isVisible()).to.equal(true)
      const source = page.getByRole('link', { name: 'Show the source of this page' })
      expect(await source.getAttribute('href')).to.equal(`${repository}/docs/how-to/secret-leaked.md`)
      await page.getByRole('button', { name: 'Search' }).click()
      await page.getByRole('searchbox').fill('pairwise subject')
      const result = page.locator('a.result').first()
      expect(await result.getAttribute('href')).to.match(/^\/pairwise\.html/)
      await result.click()
      await page.getByRole('heading', { level: 1, name: /pairwise/i }).waitFor()
      expect(strangers).to.deep.equal([])
      await page.close()
    })

    it('is accessible, asks no other host and fits 320 px, in light and dark', async () => {
      // 404.html is the theme's
      const files = globSync(`${dist}/**/*.html`, { exclude: ['**/404.html'] })
      const faults: string[] = []
      async function lookThrough() {
        const page = await browser.newPage({ reducedMotion: 'reduce', viewport: { width: 320, height: 800 } })
        const { complaints, strangers } = watchPage(page, origin)
        for (let file = files.shift(); file !== undefined; file = files.shift()) {
          await page.emulateMedia({ colorScheme: 'light' })
          await page.goto(`${origin}/${file.slice(dist.length + 1)}`)
          const isWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth'
          if (await page.evaluate<boolean>(isWide)) faults.push(`${file} is wider than the screen`)
          const inLight = await findAxeViolations(page)
          await page.emulateMedia({ colorScheme: 'dark' })
          await page.waitForFunction(`document.documentElement.classList.contains('dark')`)
          const inDark = await findAxeViolations(page, { look: true })
          const seen = [...inLight, ...inDark.map((fault) => `dark: ${fault}`), ...complaints, ...strangers]
          faults.push(...seen.map((fault) => `${file} ${fault}`))
          complaints.length = strangers.length = 0
        }
        await page.close()
      }
      await Promise.all(Array.from({ length: 3 }, lookThrough))
      expect(faults).to.deep.equal([])
    })
  })
})
