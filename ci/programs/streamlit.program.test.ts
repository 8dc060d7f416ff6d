import { mkdtempSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { password } from '@nauthera/harness/browser'
import { root } from '@nauthera/local/processes/program'
import { freePort } from '@nauthera/local/processes/ports'
import { findChromium, openBrowser } from '@nauthera/local/programs/chromium'
import { Lacking, pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram, stopLater } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'

const version = '1.67.0'
const install = () => pipInstall(`streamlit@${version}`, [`streamlit==${version}`, 'authlib==1.9.10', 'httpx==0.28.1'])

tryProgram({
  name: 'Streamlit, with Authlib 1.9.10',
  version,
  reads: 'preset Streamlit, as `.streamlit/secrets.toml`',
  prepare: async () => {
    if (findChromium() === undefined) throw new Lacking('there is no Chromium (apt-get install chromium)')
    await install()
  },

  async start(issuer) {
    const [port, cwd] = [await freePort(), mkdtempSync(join(tmpdir(), 'streamlit-'))]
    const url = `http://localhost:${port}`
    const secret = await issuer.client('streamlit', {
      type: 'Web',
      redirectURIs: [`${url}/oauth2callback`],
      postLogoutRedirectURIs: [`${url}/oauth2callback`],
      secret: { presets: ['Streamlit'] },
    })
    let streamlit: RunningProgram | undefined
    const begin = async (data: Readonly<Record<string, string>>) => {
      await streamlit?.stop()
      await mkdir(join(cwd, '.streamlit'), { recursive: true })
      await writeFile(join(cwd, '.streamlit/secrets.toml'), data['secrets.toml']!)
      const options = [`--server.port=${port}`, '--server.address=localhost', '--server.headless=true']
      streamlit = startProgram({
        command: join(await install(), 'streamlit'),
        args: ['run', join(root, 'ci/programs/streamlit/app.py'), ...options, '--browser.gatherUsageStats=false'],
        cwd,
      })
      await streamlit.answers(url)
    }
    await begin(secret)
    const browser = await openBrowser()
    stopLater(() => browser.close())
    const signIn = async (): Promise<Page> => {
      const page = await (await browser.newContext()).newPage()
      await page.goto(url)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.fill('#username', 'ada')
      await page.fill('#password', password)
      await page.press('#password', 'Enter')
      await page.getByText('ada@example.com ada Example').waitFor()
      return page
    }
    return { issuer, url, begin, signIn }
  },

  steps: {
    'signs in': ({ signIn }) => signIn(),
    'name and groups': async ({ signIn }) => (await signIn()).getByText('ada Example developers, platform').waitFor(),
    refreshes: 'it keeps no refresh token',
    'secret rotated': ({ issuer, begin, signIn }) => issuer.rotateSecret('streamlit', { take: begin, signIn }),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      await signIn()
    },
    'signs out': async ({ issuer, url, signIn }) => {
      const page = await signIn()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.waitForURL((at) => at.href.startsWith(issuer.replicas.issuer))
      await page.click('button[name=logout][value=yes]')
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      expect(page.url()).to.equal(`${url}/`)
    },
  },
})
