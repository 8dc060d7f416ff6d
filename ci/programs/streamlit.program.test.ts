import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { password } from '@nauthera/harness/browser'
import { root } from '@nauthera/local/processes/program'
import { findChromium, openBrowser } from '@nauthera/local/programs/chromium'
import { Lacking, pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { stopLater } from './support/running.ts'

const version = '1.67.0'
const packages = [`streamlit==${version}`, 'authlib==1.9.10', 'httpx==0.28.1']

tryProgram({
  page: 'streamlit',
  name: 'Streamlit, with Authlib 1.9.10',
  version,
  async prepare() {
    if (findChromium() === undefined) throw new Lacking('there is no Chromium (apt-get install chromium)')
    return pipInstall(`streamlit@${version}`, packages)
  },

  async start({ port, folder, ...trial }, bin) {
    const url = `http://localhost:${port}`
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/oauth2callback`],
      postLogoutRedirectURIs: [`${url}/oauth2callback`],
      secret: { presets: ['Streamlit'] },
    })
    const take = trial.runs(async (data) => {
      await mkdir(join(folder, '.streamlit'), { recursive: true })
      await writeFile(join(folder, '.streamlit/secrets.toml'), data['secrets.toml']!)
      const options = [`--server.port=${port}`, '--server.address=localhost', '--server.headless=true']
      return {
        command: join(bin, 'streamlit'),
        args: ['run', join(root, 'ci/programs/streamlit/app.py'), ...options, '--browser.gatherUsageStats=false'],
        cwd: folder,
      }
    }, url)
    await take(secret)
    const browser = await openBrowser()
    stopLater(() => browser.close())
    return {
      url,
      take,
      async signIn() {
        const page = await (await browser.newContext()).newPage()
        await page.goto(url)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.fill('#username', 'ada')
        await page.fill('#password', password)
        await page.press('#password', 'Enter')
        await page.getByRole('button', { name: 'Sign out' }).waitFor()
        return page
      },
      async whoIs(page: Page) {
        await page.goto(url)
        const button = page.getByRole('button', { name: /^Sign (in|out)$/ })
        if ((await button.innerText()) === 'Sign in') return undefined
        // the page comes in pieces
        return await page.getByText(/^ada@example\.com ./).innerText()
      },
    }
  },

  steps: {
    'name and groups': ({ person }) => expect(person).to.include('ada@example.com ada Example developers, platform'),
    refreshes: 'it keeps no refresh token',
    'signs out': async ({ issuer, url, session: page }) => {
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.waitForURL((at) => at.href.startsWith(issuer.replicas.issuer))
      await page.click('button[name=logout][value=yes]')
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      expect(page.url()).to.equal(`${url}/`)
    },
  },
})
