import type { IncomingMessage } from 'node:http'
import type { ClientOnPage, Page } from '../reply.ts'
import type { ProtocolPages } from '../oidc/configuration.ts'
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
    const rendered = pages.render(page, context.req as IncomingMessage)
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
      const { code, status, statusCode } = error as { code?: unknown; status?: number; statusCode?: number }
      const known = typeof code === 'string' && /^[A-Z_]+$/.test(code) ? code : undefined
      const httpStatus = statusCode ?? status ?? 500
      answer(context, {
        kind: 'page',
        view: 'error',
        status: httpStatus >= 400 ? httpStatus : 400,
        languages: languagesOf(context),
        ...(httpStatus === 503 ? { retryAfter: 2 } : {}),
        model: {
          key: known ? known.toLowerCase().replaceAll('_', '-') : out.error,
          code: known ?? out.error,
          client: clientOf(context),
          detail: detailOf(context, out, error),
          ...(httpStatus === 503 ? { retryAfter: 2 } : {}),
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
      answer(context, { kind: 'page', view: 'signed-out', languages: languagesOf(context), model: { client: clientOf(context) } })
    },
  }
}

const targetsOf = (context: Parameters<ProtocolPages['signedOut']>[0]): string[] => {
  const target = context.oidc.params?.['post_logout_redirect_uri']
  return typeof target === 'string' ? [target] : []
}

/** For developers: what came and what is registered. The page shows it in development only. */
function detailOf(context: Parameters<ProtocolPages['signedOut']>[0], out: { error: string; error_description?: string }, error: unknown): string {
  const { error_detail: more } = error as { error_detail?: string }
  const text = [out.error_description, more].filter(Boolean).join('; ')
  if (out.error !== 'invalid_redirect_uri') return text
  return `${text}. Got ${String(context.oidc?.params?.['redirect_uri'])}; registered: ${(context.oidc?.client?.redirectUris ?? []).join(', ')}`
}
