import { setTimeout } from 'node:timers/promises'
import { paths } from '@nauthera/rules/endpoints'
import { readCookies } from '../../oidc/cookies.ts'
import type { PageAsk, ProtocolFault, ProtocolPages } from '../../oidc/library/protocol-pages.ts'
import type { RenderedPage } from '../../reply.ts'
import type { ClientOnPage, EndingOnPage, PersonOnPage } from '../../reply/on-page.ts'
import { answerToCode, pathOf } from '../pages/error-page.ts'
import type { ErrorAnswer } from '../pages/error-page.ts'
import type { LimitOfPages, Pages } from '../pages/pages.ts'

interface Needs {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly pages: Pages
  readonly limitOf: LimitOfPages
  readonly languages: readonly string[]
  /** How pages show a client. */
  readonly describeClient: (clientId: string) => ClientOnPage | undefined
  /** The person of the browser's session, from our record, so that a sign-out works without the directory. */
  readonly personOf: (accountId: string) => Promise<PersonOnPage | undefined>
  /** The other provider at which that person may still be signed in. */
  readonly elsewhereOf: (accountId: string) => Promise<{ name: string; url: string | undefined } | undefined>
  /** The person of a session, also of one that just ended, and what ends for each application. */
  readonly sessionOf: (uid: string) => Promise<{ userId: string; endings: readonly EndingOnPage[] } | undefined>
  /** Name of the cookie with the session that just ended. */
  readonly ended: string
}

/** The pages of the protocol itself: errors, logout, signed out. What a request asked for is done before; its page alone is limited. */
export function createProtocolPages(needs: Needs): ProtocolPages {
  const limited =
    <More extends readonly unknown[]>(pageOf: (needs: Needs, ask: PageAsk, ...more: More) => Promise<RenderedPage>) =>
    async (ask: PageAsk, ...more: More): Promise<RenderedPage> => {
      const { request, accountId, sessionUid } = ask
      // the session of a stranger has another name at each request
      const tooMany = needs.limitOf(request, accountId === undefined ? undefined : sessionUid)
      return tooMany === undefined ? pageOf(needs, ask, ...more) : needs.pages.render(tooMany, request)
    }
  return {
    languages: needs.languages,
    error: limited(errorPage),
    logout: limited(logoutPage),
    deviceAllowed: limited(deviceAllowedPage),
    deviceRefused: limited(deviceRefusedPage),
    signedOut: limited(signedOutPage),
  }
}

type AskedFor<Name extends 'error' | 'logout' | 'signedOut'> = Parameters<ProtocolPages[Name]>

const clientOf = ({ describeClient }: Needs, { client }: PageAsk) => client && describeClient(client.clientId)
const languagesOf = (ask: PageAsk) => (ask.parameter('ui_locales') ?? '').split(' ').filter(Boolean)

/** The person for the language of the page, also after the sign-in and for errors. */
const readerOf = async ({ personOf }: Needs, { accountId }: PageAsk): Promise<PersonOnPage | undefined> =>
  accountId === undefined ? undefined : inTime(personOf(accountId))

async function errorPage(needs: Needs, ...[ask, out, fault]: AskedFor<'error'>) {
  const coded = codedAnswer(fault)
  const status = coded?.status ?? fault.statusCode ?? fault.status ?? 500
  const retries = coded?.retryAfter !== undefined && !coded.isOver && ask.request.method === 'GET'
  const page = {
    kind: 'page',
    view: 'error',
    status: status >= 400 ? status : 400,
    languages: languagesOf(ask),
    reader: await readerOf(needs, ask),
    retryAfter: coded?.retryAfter,
    model: {
      key: coded?.key ?? out.error,
      code: coded?.code ?? out.error,
      client: clientOf(needs, ask),
      description: coded === undefined ? out.error_description?.slice(0, longestDescription) : undefined,
      detail: detailOf(ask, out, fault),
      retryUrl: retries ? pathOf(ask.request) : undefined,
    },
  } as const
  return needs.pages.render(page, ask.request)
}

async function logoutPage(needs: Needs, ...[ask, { action, xsrf }]: AskedFor<'logout'>) {
  const target = ask.parameter('post_logout_redirect_uri')
  const { accountId, sessionUid = '' } = ask
  const [person, elsewhere, session] =
    accountId === undefined
      ? []
      : await Promise.all([
          readerOf(needs, ask),
          inTime(needs.elsewhereOf(accountId)),
          inTime(needs.sessionOf(sessionUid)),
        ])
  const page = {
    kind: 'page',
    view: 'logout',
    languages: languagesOf(ask),
    reader: person,
    formTargets: target === undefined ? [] : [target],
    model: {
      client: clientOf(needs, ask),
      action: pathWithQuery(action),
      fields: { xsrf },
      person,
      elsewhere,
      endings: session?.endings,
    },
  } as const
  return needs.pages.render(page, ask.request)
}

function pathWithQuery(address: string): string {
  const { pathname, search } = new URL(address)
  return `${pathname}${search}`
}

async function deviceAllowedPage(needs: Needs, ask: PageAsk) {
  const model = { key: 'device-allowed', values: { client: clientOf(needs, ask)?.name ?? '' } }
  const reader = await readerOf(needs, ask)
  const page = { kind: 'page', view: 'notice', languages: languagesOf(ask), reader, model } as const
  return needs.pages.render(page, ask.request)
}

async function deviceRefusedPage(needs: Needs, ...[ask, out, fault]: AskedFor<'error'>) {
  const notice = deviceNotices[String(fault.name)]
  if (notice === undefined) return errorPage(needs, ask, out, fault)
  const link = { href: `${needs.basePath}${paths.device}`, key: 'notice.device-over.again' }
  const model = { key: notice, ...(notice === 'device-over' ? { link } : {}) }
  const reader = await readerOf(needs, ask)
  const page = { kind: 'page', view: 'notice', languages: languagesOf(ask), reader, model } as const
  return needs.pages.render({ ...page, status: notice === 'device-over' ? 400 : 200 }, ask.request)
}

async function signedOutPage(needs: Needs, ...[ask, { stillSignedIn, unlisted }]: AskedFor<'signedOut'>) {
  const uid = stillSignedIn ? undefined : readCookies(ask.request).get(needs.ended)
  const session = uid === undefined ? undefined : await inTime(needs.sessionOf(uid))
  // the session has ended; the page is still for that person
  const userId = stillSignedIn ? ask.accountId : session?.userId
  const reader = userId === undefined ? undefined : await inTime(needs.personOf(userId))
  const model = { client: clientOf(needs, ask), stillSignedIn, unlisted, endings: session?.endings }
  const page = { kind: 'page', view: 'signed-out', languages: languagesOf(ask), reader, model } as const
  return needs.pages.render(page, ask.request)
}

/** Notices by the library's error name, for ends of a device sign-in that are no fault. */
const deviceNotices: Readonly<Record<string, string>> = {
  AbortedError: 'device-refused',
  NotFoundError: 'device-over',
  ExpiredError: 'device-over',
  AlreadyUsedError: 'device-over',
}

/** The longest wait for optional parts of the sign-out page. Milliseconds. */
const longestWait = 1500

/** @returns undefined when it fails, or takes too long */
export async function inTime<Value>(value: Promise<Value>): Promise<Value | undefined> {
  const enough = new AbortController()
  try {
    const tooLate = setTimeout(longestWait, undefined, { signal: enough.signal }).catch(() => undefined)
    return await Promise.race([value, tooLate])
  } catch {
    return undefined
  } finally {
    enough.abort()
  }
}

/** Some descriptions repeat what the request said. */
const longestDescription = 200

/** The answer to a coded error. SessionNotFound is the library's error for an unknown interaction. */
function codedAnswer({ code, name }: ProtocolFault): ErrorAnswer | undefined {
  return answerToCode(name === 'SessionNotFound' ? 'INTERACTION_EXPIRED' : code)
}

/** Details for developers, such as the registered redirect URIs; shown in development only. */
function detailOf(ask: PageAsk, out: Parameters<ProtocolPages['error']>[1], fault: ProtocolFault): string {
  const text = [out.error_description, fault.error_detail].filter(Boolean).join('; ')
  if (out.error !== 'invalid_redirect_uri') return text
  const registered = (ask.client?.redirectUris ?? []).join(', ')
  return `${text}. Got ${String(ask.parameter('redirect_uri'))}; registered: ${registered}`
}
