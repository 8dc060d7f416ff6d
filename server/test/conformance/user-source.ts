// What every source of people must do, wherever it keeps them.
import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { SignInOutcome, UserSource } from '../../src/users/user-source.ts'

export interface UserSourceUnderTest {
  /** Two replicas on the same people, both with a limit of `perAccount` attempts. */
  readonly sources: readonly [UserSource, UserSource]
  readonly perAccount: number
  addPerson(person: { username: string; email: string; password: string; groups: string[] }): Promise<string>
  disable(userId: string): Promise<void>
  /** As the end of the sign-in does. */
  clear(attempt: Extract<SignInOutcome, { kind: 'passed' }>['attempt']): Promise<void>
  end(): Promise<void>
}

const password = 'correct horse battery staple'

export function userSourceConformance(name: string, open: () => Promise<UserSourceUnderTest>): void {
  describe(`${name} as a source of people`, () => {
    let under: UserSourceUnderTest
    before(async function () {
      this.timeout(30_000)
      under = await open()
    })
    after(() => under.end())

    let address = 0
    const from = () => ({ address: `198.51.100.${++address % 250}` })
    const person = async () => {
      const username = `user-${randomUUID().slice(0, 8)}`
      const id = await under.addPerson({
        username,
        email: `${username}@example.test`,
        password,
        groups: ['ops', 'dev'],
      })
      return { id, username }
    }
    const attempt = (login: string, secret: string, replica: 0 | 1 = 0) =>
      under.sources[replica].tryPassword(login, secret, from())
    const said = (outcome: SignInOutcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.kind)

    it('lets a person in by user name and by e-mail address, in any spelling, with groups', async () => {
      const { id, username } = await person()
      for (const login of [username, ` ${username.toUpperCase()}`, `${username}@EXAMPLE.test`]) {
        const outcome = await attempt(login, password)
        if (outcome.kind !== 'passed') throw new Error(said(outcome))
        expect(outcome.account).to.include({ id, username, passwordChangeRequired: false })
        expect(outcome.groups).to.deep.equal(['dev', 'ops'])
        expect(outcome.amr).to.deep.equal(['pwd'])
        expect(JSON.parse(JSON.stringify(outcome.attempt))).to.deep.equal(outcome.attempt)
        await under.clear(outcome.attempt)
      }
    })

    it('refuses a wrong password, an unknown person and an empty password, and says which only to the log', async () => {
      const { id, username } = await person()
      expect(await attempt(username, 'wrong password')).to.deep.equal({
        kind: 'refused',
        reason: 'wrong-password',
        userId: id,
      })
      expect(await attempt(username, '')).to.deep.equal({ kind: 'refused', reason: 'wrong-password', userId: id })
      expect(await attempt(`nobody-${randomUUID()}`, password)).to.deep.equal({
        kind: 'refused',
        reason: 'unknown-user',
        userId: undefined,
      })
      expect(said(await attempt('', password))).to.equal('unknown-user')
    })

    it('L5 L7 locks an account after its limit on both replicas, whatever the spelling, the right password included', async () => {
      const { username } = await person()
      const spellings = [username, username.toUpperCase(), ` ${username}`, `${username}@example.test`]
      for (let turn = 0; turn < under.perAccount; turn++) {
        expect(said(await attempt(spellings[turn % 4]!, 'wrong password', (turn % 2) as 0 | 1))).to.equal(
          'wrong-password',
        )
      }
      expect(said(await attempt(username, password, 0))).to.equal('locked')
      expect(said(await attempt(username, password, 1))).to.equal('locked')
    })

    it('L7 verifies exactly the limit of parallel guesses over both replicas', async () => {
      const { username } = await person()
      const guesses = Array.from({ length: under.perAccount * 4 }, (_, turn) =>
        attempt(username, `guess number ${turn}`, (turn % 2) as 0 | 1),
      )
      const outcomes = (await Promise.all(guesses)).map(said)
      expect(outcomes.filter((outcome) => outcome === 'wrong-password')).to.have.length(under.perAccount)
      expect(outcomes.filter((outcome) => outcome === 'locked')).to.have.length(under.perAccount * 3)
    })

    it('L4 locks an unknown name like a known one', async () => {
      const login = `nobody-${randomUUID()}`
      for (let turn = 0; turn < under.perAccount; turn++)
        expect(said(await attempt(login, 'wrong password'))).to.equal('unknown-user')
      expect(said(await attempt(login, 'wrong password'))).to.equal('locked')
    })

    it('forgets the failures once a sign-in is finished', async () => {
      const { username } = await person()
      for (let round = 0; round < 3; round++) {
        for (let turn = 0; turn < under.perAccount - 1; turn++) await attempt(username, 'wrong password')
        const outcome = await attempt(username, password)
        if (outcome.kind !== 'passed') throw new Error(`round ${round}: ${said(outcome)}`)
        await under.clear(outcome.attempt)
      }
    })

    it('T5 refuses a disabled person', async () => {
      const { id, username } = await person()
      await under.disable(id)
      expect(await attempt(username, password)).to.deep.equal({ kind: 'refused', reason: 'disabled', userId: id })
      expect(said(await attempt(username, 'wrong password'))).to.equal('wrong-password')
    })

    it('changes a password after its rules, on every replica', async () => {
      const { id, username } = await person()
      const event = { event: 'password.changed', outcome: 'success', userId: id } as const
      const change = (next: string) => under.sources[0].changePassword({ userId: id, next, event })
      const short = await change('short')
      expect(short.kind === 'refused' && short.faults.map(({ code }) => code)).to.deep.equal(['too-short'])
      const same = await change(password)
      expect(same.kind === 'refused' && same.faults.map(({ code }) => code)).to.deep.equal(['same'])
      expect((await change('another horse battery staple')).kind).to.equal('changed')
      expect(said(await attempt(username, password, 1))).to.equal('wrong-password')
      expect(said(await attempt(username, 'another horse battery staple', 1))).to.equal('passed')
    })

    it('E8 L11 takes hostile names as text', async () => {
      for (const login of ["' OR 1=1 --", '*)(uid=*', 'a\u0000b', '\ud800', '__proto__', '%', '\\']) {
        expect(said(await attempt(login, password)), login).to.equal('unknown-user')
      }
    })
  })
}
