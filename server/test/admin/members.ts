import { Browser, password, pkce } from '@nauthera/harness/browser'
import type { ServerReplicas } from '@nauthera/harness/server'
import { setUpApp } from '../login/second-factor-flows.ts'

/** @returns a browser in which a member of the help desk has just signed in, and set up a second factor */
export async function signInMember(server: ServerReplicas, username: string): Promise<Browser> {
  const browser = new Browser(server)
  const asked = await browser.follow('/admin')
  const first = await browser.submit(asked, '/sign-in', { username, password })
  // nobody sets up a second factor with a session alone
  const page = await browser.submit(first, '/sign-in', { username, password })
  const { end } = await setUpApp(server, { browser, proof: pkce(), page })
  if (new URL(end.page.url).pathname !== '/admin') throw new Error(`not at the help desk: ${end.page.url}`)
  return browser
}
