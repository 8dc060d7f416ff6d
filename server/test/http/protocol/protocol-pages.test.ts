import type { IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { createProtocolPages } from '../../../src/http/protocol/protocol-pages.ts'
import { testPages } from '../harness.ts'
import { samplePages } from '../sample-pages.ts'

const ask = {
  request: { headers: {} } as IncomingMessage,
  client: undefined,
  accountId: 'an-account',
  sessionUid: 'a-session',
  parameter: () => undefined,
}
const form = { action: 'https://login.example.com/logout/confirm', xsrf: 'a-token' }
const ada = async () => ({ username: 'ada' })
const there = async () => ({ name: 'Elsewhere', url: 'https://elsewhere.example.com/out' })
const fails = async () => {
  throw new Error('away')
}
const never = () => new Promise<undefined>(() => undefined)

describe('the page to sign out', () => {
  type Needs = Parameters<typeof createProtocolPages>[0]
  const { pages } = testPages()
  const ending = { userId: 'an-account', endings: [{ name: 'Build console', minutes: 5, told: false }] }
  const logout = async (
    needs: Pick<Needs, 'personOf' | 'elsewhereOf'> & Partial<Needs>,
    asked: Parameters<ReturnType<typeof createProtocolPages>['logout']>[0] = ask,
  ) => {
    const all = {
      basePath: '',
      pages,
      limitOf: () => undefined,
      languages: ['en'],
      describeClient: () => undefined,
      sessionOf: async () => ending,
      ended: 'ended',
      ...needs,
    }
    const page = createProtocolPages(all).logout(asked, form)
    const { status, body } = (await Promise.race([page, setTimeout(4000)])) ?? { status: 0, body: '' }
    return { status, body: String(body) }
  }

  it('L38 says that there were too many before it asks who is there, and counts no session of a stranger', async () => {
    const asked: unknown[] = []
    const limitOf: Needs['limitOf'] = (_, uid) => (asked.push(uid), samplePages['error when there were too many'])
    const all = { personOf: never, elsewhereOf: never, sessionOf: never, limitOf }
    expect((await logout(all)).status).to.equal(429)
    expect((await logout(all, { ...ask, accountId: undefined })).status).to.equal(429)
    expect(asked).to.deep.equal(['a-session', undefined])
  })

  it('L17 says who is signed in, and where they may stay so', async () => {
    const { status, body } = await logout({ personOf: ada, elsewhereOf: there })
    expect(status).to.equal(200)
    expect(body).to.contain('ada').and.to.contain('upstream-sign-out').and.to.contain('logout-confirm')
    expect(body).to.contain('Build console').and.to.contain('within')
  })

  for (const [how, late] of Object.entries({ fails, 'does not answer': never })) {
    it(`L17 comes without their name when the record ${how}`, async () => {
      const { status, body } = await logout({ personOf: late, elsewhereOf: there })
      expect(status).to.equal(200)
      expect(body).to.contain('logout-confirm').and.to.contain('upstream-sign-out')
    })

    it(`L17 comes without what ends when that ${how}`, async () => {
      const { status, body } = await logout({ personOf: ada, elsewhereOf: there, sessionOf: late })
      expect(status).to.equal(200)
      expect(body).to.contain('logout-confirm').and.to.contain('ada').and.not.to.contain('Build console')
    })

    it(`L17 comes without another provider when that ${how}`, async () => {
      const { status, body } = await logout({ personOf: ada, elsewhereOf: late })
      expect(status).to.equal(200)
      expect(body).to.contain('logout-confirm').and.to.contain('ada').and.not.to.contain('upstream-sign-out')
    })
  }
})
