import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { expect } from 'chai'
import { findAxeViolations, watchPage } from '@nauthera/harness/chromium'
import { findChromium, openBrowser } from '@nauthera/local/programs/chromium'

const dist = 'site/dist'
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' }

describe('the site, as a web server shows it', function () {
  this.timeout(600_000)
  let server: Server
  let origin: string
  before(async () => {
    const build = spawn('npm', ['run', '--silent', 'site', '--', '--build'], { stdio: ['ignore', 'ignore', 'inherit'] })
    expect(await once(build, 'close')).to.deep.equal([0, null])
    server = createServer((request, response) => {
      const file = join(dist, decodeURIComponent(new URL(request.url!, 'http://site').pathname))
      const found = statSync(file, { throwIfNoEntry: false })?.isDirectory() ? join(file, 'index.html') : file
      if (!globSync(found).length) return void response.writeHead(404).end()
      response.setHeader('content-type', types[extname(found)] ?? 'application/octet-stream').end(readFileSync(found))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
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

  it('needs less than 100 kB for a page with its style and scripts, sent with Brotli', () => {
    const sizes = new Map<string, number>()
    const sizeOf = (file: string) => {
      const size = sizes.get(file) ?? brotliCompressSync(readFileSync(file)).length
      sizes.set(file, size)
      return size
    }
    const large = globSync(`${dist}/**/*.html`).flatMap((page) => {
      const text = readFileSync(page, 'utf8')
      const parts = [...text.matchAll(/(?:href|src)="\/(assets\/[^"]+)"/g)].map(([, part]) => join(dist, part!))
      const size = [page, ...new Set(parts)].reduce((sum, file) => sum + sizeOf(file), 0)
      return size < 100_000 ? [] : [`${page}: ${size}`]
    })
    expect(large).to.deep.equal([])
  })

  it('is accessible, asks no other host and fits 320 px, in light and dark', async function () {
    if (findChromium() === undefined) this.skip()
    const browser = await openBrowser()
    const faults: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 320, height: 800 } })
      const { complaints, strangers } = watchPage(page, origin)
      // 404.html is the theme's
      for (const file of globSync(`${dist}/**/*.html`, { exclude: ['**/404.html'] })) {
        await page.goto(`${origin}/${file.slice(dist.length + 1)}`)
        const isWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth'
        if (await page.evaluate<boolean>(isWide)) faults.push(`${file} is wider than the screen`)
        faults.push(
          ...(await findAxeViolations(page, { look: colorScheme === 'dark' })).map(
            (fault) => `${file} ${colorScheme}: ${fault}`,
          ),
        )
      }
      faults.push(...complaints, ...strangers)
      await page.close()
    }
    await browser.close()
    expect(faults).to.deep.equal([])
  })
})
