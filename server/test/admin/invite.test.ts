import { expect } from 'chai'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createInviteRoutes } from '../../src/admin/invite.ts'
import type { InviteNeeds } from '../../src/admin/invite.ts'
import type { SignedInPerson } from '../../src/account/frame/gate.ts'
import type { Page, PageRequest } from '../../src/reply.ts'
import { ada } from '../login/browser.ts'
import { deskRules } from './desk-rules.ts'

/** Sends the form of an invitation. @returns the answer, and who was asked about and invited */
async function invite(
  email: string,
  {
    known = '',
    may = ['invite'],
    isUnderLimit = true,
    hasAccount = false,
  }: { known?: string; may?: string[]; isUnderLimit?: boolean; hasAccount?: boolean } = {},
) {
  const seen: string[] = []
  let [counted, committed] = [0, 0]
  const person = {
    user: { ...ada, groups: ['desk'], groupOrigins: { postgres: ['desk'] } },
    session: {},
  } as unknown as SignedInPerson
  const countAct = async (_: string, kind: string, most: number) => {
    seen.push(`counted ${kind} of ${most}`)
    counted++
    return isUnderLimit
  }
  const mailLinks = {
    addForEmail: async (email: string) => {
      if (hasAccount) throw new CodedError('EMAIL_TAKEN')
      seen.push(`invited ${email}`)
      return 'added'
    },
  }
  const withPeople = async (_: unknown, work: (on: object) => unknown) => {
    const came = await work({ countAct, mailLinks })
    committed = counted
    return came
  }
  const needs = {
    rules: deskRules({ capabilities: [{ group: 'desk', may }] }),
    basePath: '',
    languages: ['en'],
    said: { set: () => undefined, consume: () => undefined },
    desk: { toAct: async () => ({ kind: 'admitted', person }) },
    isReserved: async (names: { username: string }) => {
      seen.push(`asked about ${names.username}`)
      return names.username === known
    },
    sendsMail: true,
    limits: { actsPerHour: 5 },
    store: { desk: { withPeople } },
  } as unknown as InviteNeeds
  const form = createInviteRoutes(needs).find(({ method }) => method === 'POST')!
  const request = {
    form: new URLSearchParams({ email }),
    languages: [],
    raw: { request: { headers: {} } },
    peer: {},
  } as unknown as PageRequest
  const answer = await form.handle(request)
  const mistakes =
    answer.kind === 'page' ? (answer as Extract<Page, { view: 'admin-invite' }>).model.mistakes : undefined
  return { answer, mistakes, seen, committed }
}

describe('an invitation of the help desk', () => {
  it('L45 counts also when it is refused: a member cannot ask without end who has an account', async () => {
    const { mistakes, committed } = await invite('ada@example.net', { hasAccount: true })
    expect(mistakes).to.deep.equal([{ key: 'email-has-account', control: 'email' }])
    expect(committed).to.equal(1)
    expect((await invite('boss@corp.example', { known: 'boss@corp.example' })).committed).to.equal(1)
    const { seen } = await invite('boss@corp.example', { known: 'boss@corp.example', isUnderLimit: false })
    expect(seen).to.deep.equal(['counted any of 5'])
  })

  it('L44 reaches nobody whom a directory knows and who was never here', async () => {
    const { mistakes, seen } = await invite('boss@corp.example', { known: 'boss@corp.example' })
    expect(mistakes).to.deep.equal([{ key: 'email-has-account', control: 'email' }])
    expect(seen).to.deep.equal(['counted any of 5', 'asked about boss@corp.example'])
  })

  it('reaches everybody else', async () => {
    const { answer, seen } = await invite('new@example.net', { known: 'boss@corp.example' })
    expect(answer.kind).to.equal('redirect')
    expect(seen).to.deep.equal(['counted any of 5', 'asked about new@example.net', 'invited new@example.net'])
  })

  it('asks no directory about what is no address', async () => {
    expect((await invite('*)(uid=*')).seen).to.deep.equal(['counted any of 5'])
  })

  it('counts for the member, and is not sent past the limit', async () => {
    const { mistakes, seen } = await invite('new@example.net', { isUnderLimit: false })
    expect(mistakes).to.deep.equal([{ key: 'desk-too-often', control: 'email' }])
    expect(seen.at(-1)).to.equal('counted any of 5')
  })

  it('L12 goes to no address that looks like another one', async () => {
    // the first letter is Cyrillic
    const { mistakes, seen } = await invite('\u0430da@example.net')
    expect(mistakes).to.deep.equal([{ key: 'email-look-alike', control: 'email' }])
    expect(seen).to.deep.equal(['counted any of 5', 'asked about \u0430da@example.net'])
  })

  it('L44 is sent by no member who may not', async () => {
    const { answer, seen } = await invite('new@example.net', { may: ['look', 'disable'] })
    expect([answer.kind === 'page' && answer.status, seen]).to.deep.equal([404, []])
  })
})
