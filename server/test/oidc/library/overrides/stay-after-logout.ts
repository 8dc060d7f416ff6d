import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

const unlisted = 'https://app.example.com/callback"><script>'
const query = (more: Record<string, string>) =>
  new URLSearchParams({ client_id: 'app.web', post_logout_redirect_uri: unlisted, state: 'x', ...more }).toString()

export const contract: Contract = {
  replaces: ['Client.prototype.postLogoutRedirectUriAllowed'],
  holds: {
    'stayAfterLogout: with an address that is not registered the person is asked, signed out, and told which address it was':
      async (replicas) => {
        for (const hinted of [false, true]) {
          const code = await fetchCode(replicas)
          const { browser } = code
          const more = hinted ? { id_token_hint: tokensOf(await redeem(replicas, code)).id } : {}
          const page = await browser.follow(`/logout?${query(more)}`)
          expect(page.body).to.contain('id="logout-confirm"')
          const end = await browser.submit(page, '/logout/confirm', { logout: 'yes' })
          expect([end.status, end.location]).to.deep.equal([200, undefined])
          // shown as text; the one link leads to where the client is
          expect(end.body.replaceAll('<wbr>', '')).to.contain('https://app.example.com/callback%22%3E%3Cscript%3E')
          expect(end.body).to.contain('postLogoutRedirectURIs').and.to.contain('href="https://app.example.com/"')
          expect(end.body).to.contain('You are signed out').and.not.contain('<script')
        }
      },
    'stayAfterLogout: nobody signed in comes to the same page; who declines stays signed in and hears of no address':
      async (replicas) => {
        const end = await new Browser(replicas).follow(`${replicas.issuer}/logout?${query({})}`)
        expect([end.status, end.location]).to.deep.equal([200, undefined])
        expect(end.body).to.contain('id="unlisted"')
        const { browser } = await fetchCode(replicas)
        const page = await browser.follow(`/logout?${query({})}`)
        const stays = await browser.submit(page, '/logout/confirm', {})
        expect(stays.body).to.contain('still signed in').and.not.contain('id="unlisted"')
      },
    'stayAfterLogout: the page repeats no address that is registered, could be words, or has no client': async (
      replicas,
    ) => {
      for (const [asked, hasCure] of [
        [{ client_id: 'app.web', unlisted: 'https://app.example.com/bye' }, false],
        [{ client_id: 'app.web', unlisted: 'Urgent:call this number' }, true],
        [{ unlisted }, false],
      ] as const) {
        const page = await new Browser(replicas).follow(
          `/logout/success?${new URLSearchParams(Object.entries(asked)).toString()}`,
        )
        expect(page.body, JSON.stringify(asked)).to.not.contain('id="unlisted"').and.not.contain('call this')
        expect(page.body.includes('postLogoutRedirectURIs'), JSON.stringify(asked)).to.equal(hasCure)
      }
    },
  },
}
