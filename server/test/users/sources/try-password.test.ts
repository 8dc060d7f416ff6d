import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import type { AttemptKeys } from '../../../src/store/people/attempts.ts'
import type { User } from '../../../src/store/people/user.ts'
import { tryPassword } from '../../../src/users/sources/try-password.ts'
import type { TryNeeds } from '../../../src/users/sources/try-password.ts'
import type { PasswordAnswer, UserSource } from '../../../src/users/sources/user-source.ts'

const ada: User = {
  id: 'id-ada',
  username: 'ada',
  email: undefined,
  emailVerified: false,
  name: undefined,
  locale: undefined,
  profile: {},
  disabled: false,
  groups: [],
  source: 'own',
  sourceKey: undefined,
  groupOrigins: {},
  passwordChangeRequired: false,
  createdAt: new Date(0),
  updatedAt: new Date(0),
}

describe(tryPassword.name, () => {
  let calls: string[]
  beforeEach(() => {
    calls = []
  })

  const source = (id: string, answer: PasswordAnswer | 'away', more: { key?: string; stepMs?: number } = {}) => {
    const made: UserSource = {
      id,
      maxAgeMs: 0,
      ...(more.stepMs === undefined ? {} : { refusalStepMs: more.stepMs }),
      read: async () => undefined,
      checkPassword: async ({ mayTry }) => {
        calls.push(`check ${id}`)
        if (answer === 'away') throw new CodedError('STORE_UNAVAILABLE', { message: 'away' })
        if (more.key !== undefined && !(await mayTry(more.key))) return { kind: 'locked' }
        return answer
      },
      pretendToCheck: async () => void calls.push(`pretend ${id}`),
    }
    return made
  }
  const keys = (places: Partial<AttemptKeys> = {}): AttemptKeys => ({
    account: 'account',
    address: 'address',
    accountPlace: 'place',
    addressPlace: 'place',
    ...places,
  })
  const found = { ...ada, source: 'directory', sourceKey: 'key-ada' }
  /** Tries a password. @param at.user whom the records have under the login */
  async function tried(
    sources: readonly UserSource[],
    at: {
      user?: User
      keys?: AttemptKeys
      foundPlace?: string
      ceiling?: number
      checkMs?: number
      adopted?: User
      isFromProxies?: boolean
    } = {},
  ) {
    const waits: number[] = []
    const mails: unknown[] = []
    let counted: string | undefined
    let now = 0
    const attempts: Partial<TryNeeds['store']['attempts']> = {
      start: async ({ address }) => {
        counted = address
        return {
          keys: at.keys ?? keys(),
          user: at.user,
          passwordHash: undefined,
          standing: 'standing',
          factors: [],
          consent: undefined,
          waitSeconds: 7,
        }
      },
      startFound: async ({ key }) => {
        calls.push(`start ${key}`)
        const { accountPlace: _always, ...rest } = keys({ account: key })
        return { keys: at.foundPlace === undefined ? rest : { ...rest, accountPlace: at.foundPlace }, user: undefined }
      },
      fail: async ({ account }, _limits, mail) => {
        mails.push(mail?.template)
        now += at.checkMs ?? 0
        calls.push(`fail ${account}`)
      },
      release: async ({ account }) => void calls.push(`release ${account}`),
    }
    const needs = {
      sources,
      store: {
        attempts,
        users: { adopt: async () => ({ user: at.adopted ?? found, standing: 'adopted', factors: [] }) },
      },
      ceiling:
        at.isFromProxies === false ? undefined : { wait: () => at.ceiling, count: () => void calls.push('count') },
      clock: {
        now: () => now,
        wait: async (milliseconds: number) => {
          waits.push(milliseconds)
          calls.push('wait')
        },
      },
    } as unknown as TryNeeds
    const attempt = { login: 'ada', password: 'secret', address: '192.0.2.1' }
    const outcome = await tryPassword(needs, attempt).catch((error: unknown) => ({ kind: String(error) }))
    return { outcome, waits, mails, counted, said: 'reason' in outcome ? outcome.reason : outcome.kind }
  }
  const person = { ...ada, disabled: false }

  it('asks nobody above the ceiling, or when the address has no place', async () => {
    expect((await tried([source('own', { kind: 'right' })], { user: ada, ceiling: 5 })).outcome).to.deep.equal({
      kind: 'busy',
      retryAfterSeconds: 5,
    })
    const { addressPlace: _none, ...rest } = keys()
    expect((await tried([source('own', { kind: 'right' })], { user: ada, keys: rest })).outcome).to.deep.equal({
      kind: 'busy',
      retryAfterSeconds: 7,
    })
    expect(calls).to.deep.equal([])
  })

  it('asks the source of a person alone, and about an unknown name one after the other', async () => {
    const sources = [
      source('directory', { kind: 'unknown' }),
      source('own', { kind: 'wrong' }),
      source('third', { kind: 'right' }),
    ]
    expect((await tried(sources, { user: ada })).said).to.equal('wrong-password')
    expect(calls.filter((call) => call.startsWith('check'))).to.deep.equal(['check own'])
    calls = []
    expect((await tried(sources)).said).to.equal('wrong-password')
    expect(calls.filter((call) => call.startsWith('check'))).to.deep.equal(['check directory', 'check own'])
    expect((await tried([source('directory', { kind: 'unknown' })])).said).to.equal('unknown-user')
    expect((await tried([source('own', { kind: 'right' })])).said, 'no record').to.equal('unknown-user')
  })

  it('lets nobody in who is disabled, in the record or at the source', async () => {
    const right: PasswordAnswer = { kind: 'right' }
    const disabled = { ...ada, disabled: true }
    expect((await tried([source('own', right)], { user: ada })).said).to.equal('passed')
    expect((await tried([source('own', right)], { user: disabled })).said).to.equal('disabled')
    const withPerson = (of: typeof person): PasswordAnswer => ({ kind: 'right', found: { key: 'k', person: of } })
    expect((await tried([source('directory', withPerson(person))])).said).to.equal('passed')
    expect((await tried([source('directory', withPerson({ ...person, disabled: true }))])).said).to.equal('disabled')
    expect((await tried([source('directory', withPerson(person))], { adopted: disabled })).said).to.equal('disabled')
  })

  it('has read the account already when the source knows no more than the record', async () => {
    const own = await tried([source('own', { kind: 'right' })], { user: ada })
    expect(own.outcome).to.have.nested.property('account.user', ada)
    const told = await tried([source('directory', { kind: 'right', found: { key: 'key-ada', person } })], {
      user: found,
    })
    expect(told.outcome).to.have.property('account', undefined)
  })

  it('counts by address where addresses are known, and never where all come from a proxy', async () => {
    const sources = [source('own', { kind: 'wrong' })]
    expect((await tried(sources, { isFromProxies: false })).counted).to.equal('192.0.2.1')
    expect((await tried(sources)).counted).to.equal(undefined)
  })

  it('brings the mail about a lock to each failure of a person who has an address and is enabled', async () => {
    const sources = [source('own', { kind: 'wrong' })]
    const reachable = { ...ada, email: 'ada@example.com' }
    expect((await tried(sources, { user: reachable })).mails).to.deep.equal(['locked'])
    expect((await tried(sources, { user: { ...reachable, disabled: true } })).mails).to.deep.equal([undefined])
    expect((await tried(sources)).mails).to.deep.equal([undefined])
    // it is locked by now: that mail is on its way
    const { accountPlace: _none, ...locked } = keys()
    expect((await tried(sources, { user: reachable, keys: locked })).mails).to.deep.equal([undefined])
  })

  it('pretends to ask while the account is locked', async () => {
    const { accountPlace: _none, ...locked } = keys()
    const sources = [source('directory', { kind: 'right' }), source('own', { kind: 'right' })]
    expect((await tried(sources, { user: ada, keys: locked })).said).to.equal('locked')
    expect((await tried(sources, { keys: locked })).said).to.equal('locked')
    expect(calls.filter((call) => call.startsWith('pretend'))).to.deep.equal(['pretend own', 'pretend directory'])
  })

  it('counts an account that a source found under another name, and not the one whose place was taken', async () => {
    const directory = source('directory', { kind: 'wrong' }, { key: 'key-ada' })
    expect((await tried([directory], { user: found })).said).to.equal('wrong-password')
    expect(calls).to.deep.equal(['check directory', 'fail account', 'count'])
    calls = []
    expect((await tried([directory], { foundPlace: 'place' })).said).to.equal('wrong-password')
    expect(calls).to.deep.equal(['check directory', 'start key-ada', 'fail key-ada', 'fail account', 'count'])
    calls = []
    expect((await tried([directory])).said, 'no place is free').to.equal('locked')
    for (const other of [
      { ...found, sourceKey: 'another' },
      { ...found, source: 'directory', sourceKey: undefined },
    ]) {
      calls = []
      await tried([directory], { user: other, foundPlace: 'place' })
      expect(calls).to.include('start key-ada')
    }
  })

  it('counts nothing when a source is away: places are free again', async () => {
    expect((await tried([source('own', 'away')], { user: ada })).said).to.include('away')
    expect(calls).to.deep.equal(['check own', 'release account'])
  })

  it('says a refusal at a multiple of the longest step of its sources', async () => {
    const slow = source('directory', { kind: 'wrong' }, { stepMs: 250, key: 'key-ada' })
    const sources = [source('own', { kind: 'unknown' }), slow]
    expect((await tried(sources, { foundPlace: 'place', checkMs: 100 })).waits).to.deep.equal([150])
    expect((await tried(sources, { foundPlace: 'place', checkMs: 250 })).waits).to.deep.equal([])
    expect((await tried(sources, { foundPlace: 'place', checkMs: 251 })).waits).to.deep.equal([249])
    expect((await tried([source('own', { kind: 'wrong' })], { checkMs: 100 })).waits).to.deep.equal([])
  })
})
