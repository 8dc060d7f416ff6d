import { existsSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { parse } from 'yaml'
import { password } from '@nauthera/harness/browser'
import { findChromium, openBrowser } from '@nauthera/local/programs/chromium'
import type { RefusalCode } from '@nauthera/rules/refusals'
import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { blocksOf } from '../../test/support/page-blocks.ts'
import { startEcho } from './echo.ts'
import { Lacking, npmInstall } from './prepare.ts'
import { tryProgram } from './program.ts'
import { startProgram, stopLater } from './running.ts'
import type { ProgramCommand } from './running.ts'

/** An application that runs in the browser alone: the code of its page, built by the usual tool and driven in Chromium. It has a button
 *  `Sign in`, or leads away by itself; then it shows name and groups, and a button `Sign out`. */
interface TriedSinglePage {
  readonly page: string
  readonly name: string
  readonly version: string
  /** Of npm. */
  readonly packages: readonly string[]
  /** Files that are blocks of the page, each with words of its block. The others are in `ci/programs/<page>/`. */
  readonly shown: Readonly<Record<string, string>>
  readonly leadsAway?: boolean
  /** @returns what builds the folder `from`, and where the index.html of `into` is then */
  build(from: string, into: string): ProgramCommand & { readonly served: string }
}

/** @returns what Vite builds a folder with */
export const viteBuild: TriedSinglePage['build'] = (from, into) => ({
  command: process.execPath,
  args: [join(from, 'node_modules/vite/bin/vite.js'), 'build', '--outDir', into, '--emptyOutDir'],
  cwd: from,
  served: into,
})

/** What the manifest and the code of a page say. */
const shop = { issuer: 'https://login.example.com', clientId: 'shop.shop', origin: 'https://shop.example.com' }

/** Declares it as a program: every step is asked in the same way. */
export function trySinglePage(application: TriedSinglePage): void {
  const { page: name, packages, shown, leadsAway = false, build, ...program } = application
  const signOut = (page: Page) => page.getByRole('button', { name: 'Sign out' })
  const signIn = (page: Page) => page.getByRole('button', { name: 'Sign in' })

  tryProgram({
    ...program,
    page: name,
    async prepare() {
      if (findChromium() === undefined) throw new Lacking('there is no Chromium (apt-get install chromium)')
      return npmInstall(`${name}@${program.version}`, packages)
    },

    async start({ issuer: { replicas }, url, port, folder, client }, cwd) {
      const here = (text: string) => text.replaceAll(shop.origin, url)
      const { spec } = parse(here(blockOf(name, 'kind: OIDCClient'))) as { spec: OIDCClientSpec }
      const secret = await client(spec)
      await cp(`ci/programs/${name}`, cwd, { recursive: true })
      for (const [file, words] of Object.entries(shown)) {
        const own = here(blockOf(name, words)).replaceAll(shop.issuer, secret['issuer']!)
        await writeFile(join(cwd, file), own.replaceAll(shop.clientId, secret['client_id']!))
      }
      const { served, ...command } = build(cwd, folder)
      const builder = startProgram(command)
      await builder.ended
      if (!existsSync(join(served, 'index.html'))) throw new Error(`nothing was built:\n${builder.lines.join('\n')}`)
      await serveFolder(served, port)
      const browser = await openBrowser()
      stopLater(() => browser.close())
      /** Goes on until the issuer shows a page. */
      const begin = async (): Promise<Page> => {
        const page = await (await browser.newContext()).newPage()
        await page.goto(url, { waitUntil: 'commit' })
        if (!leadsAway) await signIn(page).click()
        await page.waitForURL((at) => at.href.startsWith(replicas.issuer))
        return page
      }
      const enterPassword = async (page: Page) => {
        await page.fill('#username', 'ada')
        await page.fill('#password', password)
        await page.press('#password', 'Enter')
      }
      /** How often the object would tell of it. */
      const refusals = (code: RefusalCode) =>
        replicas.apps[0]!.usage.since(0)
          .refusals.flatMap((one) => one.refusals)
          .filter((one) => one.code === code)
          .reduce((sum, { count }) => sum + count, 0)
      return {
        begin,
        enterPassword,
        refusals,
        take: () => Promise.reject(new Error('it has no secret')),
        async signIn() {
          const page = await begin()
          await enterPassword(page)
          await signOut(page).waitFor()
          return page
        },
        async whoIs(page: Page) {
          await page.goto(url, { waitUntil: 'commit' })
          await signOut(page).or(signIn(page)).first().waitFor()
          return (await signOut(page).isVisible()) ? page.locator('body').innerText() : undefined
        },
        /** Does something while its client is another, and puts the one of the page back. */
        async withClient(change: Partial<OIDCClientSpec>, act: () => Promise<unknown>) {
          await client({ ...spec, ...change })
          await act()
          await client(spec)
        },
      }
    },

    steps: {
      'name and groups': ({ person }) => expect(person).to.include('ada Example').and.include('developers, platform'),
      refreshes: ({ issuer, withClient, signIn: enter, whoIs }) =>
        withClient({ tokens: { accessTTL: '1m' } }, async () => {
          const page = await enter()
          const sent = new Set<string>()
          page.on('request', (request) => {
            const token = new URLSearchParams(request.postData() ?? '').get('refresh_token')
            if (token !== null) sent.add(token)
          })
          const before = issuer.refreshed()
          // the second time with what the first one brought
          while (issuer.refreshed() < before + 2) await setTimeout(200)
          expect(sent.size, 'refresh tokens').to.be.at.least(2)
          expect(await signOut(page).isVisible(), 'still there').to.equal(true)
          expect(await whoIs(page)).to.include('ada Example')
        }),
      'secret rotated': 'it has no secret',
      'signs out': async ({ issuer, url, session: page }) => {
        await signOut(page).click()
        await page.waitForURL((at) => at.href.startsWith(issuer.replicas.issuer))
        await page.click('button[name=logout][value=yes]')
        await page.waitForURL((at) => at.href.startsWith(url))
      },
    },

    also: {
      reload: async ({ session: page, person }) => {
        await page.reload()
        await signOut(page).waitFor()
        expect(await page.locator('body').innerText()).to.equal(person)
      },
      'other origin': async ({ issuer, session: page }) => {
        const given = { issuer: issuer.replicas.issuer, token: await accessTokenOf(page) }
        expect(await page.evaluate(askUserinfo, given)).to.equal(200)
        await page.goto(await startEcho())
        expect(await page.evaluate(askUserinfo, given)).to.equal('TypeError: Failed to fetch')
      },
      'wrong redirect': async ({ url, begin, withClient, refusals }) =>
        withClient({ redirectURIs: [`${url}/elsewhere`] }, async () => {
          const page = await begin()
          expect(await page.locator('body').innerText()).to.include("The application's address is not registered")
          expect(refusals('REDIRECT_URI_NOT_LISTED')).to.equal(1)
        }),
      'wrong type': async ({ begin, enterPassword, withClient, refusals }) =>
        withClient({ type: 'Web' }, async () => {
          const before = refusals('ORIGIN_NOT_LISTED')
          await enterPassword(await begin())
          while (refusals('ORIGIN_NOT_LISTED') === before) await setTimeout(100)
        }),
    },
  })
}

/** @returns the one block of a page that has these words */
function blockOf(page: string, words: string): string {
  const found = blocksOf(`docs/integrations/${page}.md`).filter(({ text }) => text.includes(words))
  expect(found, `blocks with ${words}`).to.have.length(1)
  return found[0]!.text
}

/** From the storage of a library, where it is JSON in JSON. */
async function accessTokenOf(page: Page): Promise<string> {
  const stored = await page.evaluate<string>('JSON.stringify(sessionStorage)')
  const [, token] = /access_token\\*":\\*"([\w.-]+)/.exec(stored) ?? []
  if (token === undefined) throw new Error(`no access token in ${stored}`)
  return token
}

/** Runs in the browser. */
const askUserinfo = ({ issuer, token }: { issuer: string; token: string }) =>
  fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status, String)

const contentTypes: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.css': 'text/css' }

/** Serves a folder; its index.html stands for all that is not there. */
async function serveFolder(folder: string, port: number): Promise<void> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    void readFile(join(folder, pathname))
      .then((file) => ({ file, type: contentTypes[extname(pathname)] ?? 'application/octet-stream' }))
      .catch(async () => ({ file: await readFile(join(folder, 'index.html')), type: 'text/html' }))
      .then(({ file, type }) => response.setHeader('content-type', type).end(file))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  server.unref()
}
