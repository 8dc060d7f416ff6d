import { expect } from 'chai'
import { leave } from '../../../src/login/upstream/leave.ts'
import type { BeginAsk, Upstream } from '../../../src/login/upstream/upstream.ts'
import { createBrowser } from '../browser.ts'

/** @returns the hint that the provider gets */
async function hintFor(loginHint: string, form: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  let asked: BeginAsk | undefined
  const corp = {
    id: 'corp',
    name: 'Corp',
    domains: [],
    acrValues: [],
    start: async (ask: BeginAsk) => {
      asked = ask
      return new URL('https://corp.example.com/auth')
    },
  } as unknown as Upstream
  const browser = createBrowser({ loginHint, progress: { switching: true }, federation: { upstreams: [corp] } })
  await browser.post('/upstream/corp', form)
  return asked!.loginHint
}

describe(leave.name, () => {
  it('hands on the name that the person typed, else the one that the application suggests', async () => {
    expect(await hintFor('ada@example.com')).to.equal('ada@example.com')
    expect(await hintFor('ada@example.com', { username: ' grace ' })).to.equal('grace')
  })

  it('L20 tells no other provider a login link', async () => {
    expect(await hintFor('login-link:a-token-that-signs-in')).to.equal(undefined)
  })
})
