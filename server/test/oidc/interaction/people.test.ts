import { expect } from 'chai'
import { createPeople } from '../../../src/oidc/interaction/people.ts'
import type { LoadedAccount } from '../../../src/store/sessions/accounts.ts'

describe('createPeople', () => {
  const account = (disabled: boolean) => ({ user: { disabled } }) as LoadedAccount
  const usersOf = (found: LoadedAccount | undefined) => {
    const asked: object[] = []
    return { asked, load: async (ask: object) => (asked.push(ask), found) }
  }

  it('loads each person once, with the session when the first call names one', async () => {
    const users = usersOf(account(false))
    const people = createPeople(users)
    const session = { uid: 's', version: 1, authTime: new Date(0) }
    expect(await people.find({ userId: 'ada', clientUid: 'c', session })).to.equal(
      await people.find({ userId: 'ada', clientUid: 'c' }),
    )
    await people.find({ userId: 'bob', clientUid: 'c' })
    expect(users.asked).to.deep.equal([
      { userId: 'ada', clientUid: 'c', session },
      { userId: 'bob', clientUid: 'c' },
    ])
  })

  for (const [sentence, found] of [
    ['a person who was deleted', undefined],
    ['a person who is disabled', account(true)],
  ] as const)
    it(`does not find ${sentence}`, async () =>
      expect(await createPeople(usersOf(found)).find({ userId: 'ada', clientUid: 'c' })).to.equal(undefined))
})
