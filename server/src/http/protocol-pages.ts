import type { Request } from 'express'
import type { ClientOnPage, Page } from '../reply.ts'
import type { ProtocolPages } from '../oidc/library/configuration.ts'
import { answerToCode, pathOf } from './error-page.ts'
import type { ErrorAnswer } from './error-page.ts'
import type { Pages } from './pages.ts'

/** The pages that the protocol itself answers with: errors, logout, signed out.
 *  @param needs.describeClient a client as pages show it */
export function createProtocolPages(needs: {
  pages: Pages
  describeClient: (clientId: string) => ClientOnPage | undefined
  /** The person of the browser's session. */
  personOf: (accountId: string) => Promise<{ username: string; name?: string | undefined } | undefined>
}): ProtocolPages {
  const { pages, describeClient } = needs

  type Context = Parameters<ProtocolPages['signedOut']>[0]
  const clientOf = (context: Context): ClientOnPage | undefined => {
    const clientId = context.oidc?.client?.clientId
    return clientId === undefined ? undefined : describeClient(clientId)
  }
  function answer(context: Context, page: Page): void {
    const rendered = pages.render(page, context.req as Request)
    context.status = rendered.status
    for (const [name, value] of Object.entries(rendered.headers)) context.set(name, value)
    context.body = rendered.body
  }
  const languagesOf = (context: Context): string[] => {
    const locales = context.oidc?.params?.['ui_locales']
    return typeof locales === 'string' ? locales.split(' ').filter(Boolean) : []
  }

  return {
    error(context, out, error) {
      const coded = codedAnswer(error)
      const { status, statusCode } = error as { status?: number; statusCode?: number }
      const given = coded?.status ?? statusCode ?? status ?? 500
      const retries = coded?.retryAfter !== undefined && context.method === 'GET'
      answer(context, {
        kind: 'page',
        view: 'error',
        status: given >= 400 ? given : 400,
        languages: languagesOf(context),
        retryAfter: coded?.retryAfter,
        model: {
          key: coded?.key ?? out.error,
          code: coded?.code ?? out.error,
          client: clientOf(context),
          detail: detailOf(context, out, error),
          retryUrl: retries ? pathOf(context.req as Request) : undefined,
        },
      })
    },
    async logout(context, { action, xsrf }) {
      const accountId = context.oidc.session?.accountId
      answer(context, {
        kind: 'page',
        view: 'logout',
        languages: languagesOf(context),
        formTargets: targetsOf(context),
        model: {
          client: clientOf(context),
          action: new URL(action).pathname,
          fields: { xsrf },
          person: accountId === undefined ? undefined : await needs.personOf(accountId),
        },
      })
    },
    signedOut(context) {
      answer(context, {
        kind: 'page',
        view: 'signed-out',
        languages: languagesOf(context),
        model: { client: clientOf(context) },
      })
    },
  }
}

/** Errors that have a code of ours, and the library's own for an interaction that this browser does not have. */
function codedAnswer(error: unknown): ErrorAnswer | undefined {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return answerToCode(name === 'SessionNotFound' ? 'INTERACTION_EXPIRED' : code)
}

const targetsOf = (context: Parameters<ProtocolPages['signedOut']>[0]): string[] => {
  const target = context.oidc.params?.['post_logout_redirect_uri']
  return typeof target === 'string' ? [target] : []
}

/** For developers: what came and what is registered. The page shows it in development only. */
function detailOf(
  context: Parameters<ProtocolPages['signedOut']>[0],
  out: { error: string; error_description?: string },
  error: unknown,
): string {
  const { error_detail: more } = error as { error_detail?: string }
  const text = [out.error_description, more].filter(Boolean).join('; ')
  if (out.error !== 'invalid_redirect_uri') return text
  return `${text}. Got ${String(context.oidc?.params?.['redirect_uri'])}; registered: ${(context.oidc?.client?.redirectUris ?? []).join(', ')}`
}
