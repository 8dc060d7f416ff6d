import { readFileSync, readdirSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Eta } from 'eta'
import type { Page, RenderedPage, ViewName } from '../reply.ts'
import type { BrandingSettings } from '../settings.ts'
import type { Assets } from './assets.ts'
import { formTokenField } from './form-guard.ts'
import type { FormTokens } from './form-guard.ts'
import { policyFor } from './headers.ts'
import { chooseLanguage } from './languages.ts'
import { correlationIdOf } from './request-log.ts'
import { escapeHtml, readTexts } from './texts.ts'

/** Where views, texts and assets are, beside `src/`. */
export const serverRoot = new URL('../../', import.meta.url)

export interface Pages {
  /** @param binding what the page's forms are bound to; without it they carry no token (oidc-provider has its own)
   *  @returns status, headers (the Content-Security-Policy of this page among them) and HTML */
  render(page: Page, request: IncomingMessage, binding?: string): RenderedPage
}

/** Compiles every view once; after that a page costs a string. Values are escaped unless a view says `~` to what
 *  `texts.rich` or another view made. */
export function createPages(needs: {
  assets: Pick<Assets, 'stylesheet' | 'logo'>
  branding: BrandingSettings
  /** Shows `detail` on error pages. */
  development: boolean
  tokens: FormTokens
  root?: URL
}): Pages {
  const root = needs.root ?? serverRoot
  const texts = readTexts(new URL('locales/', root))
  const eta = loadViews(new URL('views/', root))
  const { branding, assets, development } = needs
  return {
    render: (page, request, binding) => {
      const language = chooseLanguage(page.languages ?? [], request.headers['accept-language'])
      const { text, rich, has } = texts[language]
      const body = eta.render(`@${page.view}`, {
        model: page.model,
        text,
        rich,
        has,
        language,
        branding,
        assets,
        development,
        correlationId: correlationIdOf(request),
        formTokenField,
        formToken: binding === undefined ? undefined : needs.tokens.mint(binding),
      })
      return { status: page.status ?? 200, headers: headersOf(page, language), body }
    },
  }
}

function headersOf(page: Page, language: string): Record<string, string> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-language': language,
    'cache-control': 'no-store',
    'content-security-policy': policyFor(page.formTargets),
    ...(page.retryAfter === undefined ? {} : { 'retry-after': String(page.retryAfter) }),
  }
}

/** A view `sign-in.eta` becomes `@sign-in`, for `render`, `layout` and `include` alike. */
function loadViews(directory: URL): Eta {
  const eta = new Eta({ autoEscape: true, escapeFunction: (value) => escapeHtml(String(value ?? '')), cache: true })
  for (const file of readdirSync(directory)) {
    if (!file.endsWith('.eta')) continue
    eta.loadTemplate(`@${file.slice(0, -4)}`, readFileSync(new URL(file, directory), 'utf8'))
  }
  return eta
}

export type { ViewName }
