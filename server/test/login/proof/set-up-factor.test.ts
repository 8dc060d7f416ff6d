import { expect } from 'chai'
import type { Progress } from '../../../src/oidc/interaction/interaction.ts'
import { ada, createBrowser, now, pageOf, toPage } from '../browser.ts'

describe('createSetUpFactor', () => {
  /** Somebody who must set up a second factor, so many seconds after the sign-in. @param progress what else has happened */
  const begin = (age: number, progress: Progress = {}) => {
    const signedIn: Progress['signedIn'] = {
      accountId: ada.id,
      authTime: now / 1000 - age,
      amr: ['pwd'],
      standing: 's1',
      beside: undefined,
      remember: false,
      person: { username: 'ada' },
    }
    let enrolled = 0
    const ends = { standing: false }
    const browser = createBrowser({
      progress: { ...progress, signedIn },
      passkeys: {
        offerNew: async () => ({ options: '{}', sealed: 'k1~AAAA' }),
        enrol: async () => {
          enrolled++
          if (ends.standing) return { kind: 'ended' }
          return {
            kind: 'enrolled',
            standing: 's2',
            since: new Date(now),
            recoveryCodes: ['AAAA'],
            methods: ['swk', 'user'],
          }
        },
      },
    })
    browser.says.factors = { kinds: [], needed: true }
    return { browser, ends, enrolled: () => enrolled }
  }

  it('takes a passkey, which counts as proved, and shows recovery codes', async () => {
    const { browser, enrolled } = begin(60)
    expect(pageOf(await browser.get(), 'set-up-factor').model)
      .to.have.property('passkey')
      .that.includes({ mode: 'create' })
    expect(await browser.post('/set-up-passkey', { credential: '{}', sealed: 'x', name: 'Laptop' })).to.deep.equal(
      toPage,
    )
    expect(enrolled()).to.equal(1)
    expect(browser.progress()).to.deep.include({ recoveryCodes: ['AAAA'] })
    expect(browser.progress().signedIn).to.deep.include({ standing: 's2', amr: ['pwd', 'swk', 'user', 'mfa'] })
  })

  it('ends a sign-in whose person has another second factor by now, or another password: it begins again', async () => {
    const { browser, ends } = begin(60)
    ends.standing = true
    const answer = await browser.post('/set-up-passkey', { credential: '{}', sealed: 'x' })
    expect(pageOf(answer, 'error').model).to.include({ code: 'SIGN_IN_ENDED' })
  })

  it('L9 neither offers nor takes a passkey after an old sign-in', async () => {
    const { browser, enrolled } = begin(400)
    expect(pageOf(await browser.get(), 'set-up-factor').model).to.include({ signInFirst: true, passkey: undefined })
    expect(await browser.post('/set-up-passkey', { credential: '{}', sealed: 'x' })).to.deep.equal(toPage)
    expect(enrolled()).to.equal(0)
  })

  it('L9 takes no code of an app when the sign-in has become old since the picture was shown', async () => {
    const { browser } = begin(400, { pendingSeed: 'JBSWY3DPEHPK3PXP' })
    expect(await browser.post('/set-up-app', { code: '123456' })).to.deep.equal(toPage)
    expect(browser.progress()).to.have.property('pendingSeed', undefined)
    expect(pageOf(await browser.get(), 'set-up-factor').model).to.include({ signInFirst: true })
  })
})
