import { readFileSync, readdirSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Eta } from 'eta'
import { viewsDirectory } from '../../files.ts'
import type { Page, RenderedPage } from '../../reply.ts'
import type { PersonOnPage } from '../../reply/on-page.ts'
import type { BrandingSettings } from '../../settings.ts'
import { createTimeTexts } from '../../time-texts.ts'
import type { Assets } from '../branding/assets.ts'
import { formTokenField } from './form-guard.ts'
import type { FormTokens } from './form-guard.ts'
import type { Logos } from '../branding/logos.ts'
import { policyFor } from './headers.ts'
import { readLayout } from '../branding/layout-template.ts'
import { correlationIdOf } from '../request/request-log.ts'
import { escapeHtml, showForeign, showLines } from '../branding/texts.ts'
import type { AllTexts } from '../branding/texts.ts'

export interface Pages {
  /** @param binding of the page's forms; without it they have no token of ours (oidc-provider has its own)
   *  @returns status, headers with the page's Content-Security-Policy, and HTML */
  render(page: Page, request: IncomingMessage, binding?: string): RenderedPage
}

/** Compiles every view once. Values are escaped, except with `~`: HTML of `texts.rich` or of another view.
 *  @throws CodedError SETTINGS_INVALID when the layout of the settings cannot be used */
export function createPages(needs: {
  assets: Pick<Assets, 'stylesheet' | 'areaStylesheet' | 'logo' | 'providerLogos' | 'script'>
  logos: Pick<Logos, 'show'>
  branding: BrandingSettings
  texts: AllTexts
  /** The default target of a page's link. */
  accountHref: string
  /** Shows `detail` on error pages. */
  development: boolean
  tokens: FormTokens
}): Pages {
  const { branding, assets, development, texts } = needs
  const eta = loadViews(viewsDirectory)
  if (branding.layoutFile !== undefined) eta.loadTemplate('@layout', readLayout(branding.layoutFile))
  return {
    render: (page, request, binding) => {
      const reader = readerOf(page)
      const wished = [...(page.languages ?? []), ...(reader?.locale === undefined ? [] : [reader.locale])]
      const { language, text, rich, has } = texts.choose(wished, request.headers['accept-language'])
      const body = eta.render(`@${page.view}`, {
        model: page.model,
        text,
        rich,
        has,
        web,
        initial,
        bdi: showForeign,
        lines: showLines,
        logoOf: needs.logos.show,
        language,
        colourScheme: reader?.colourScheme,
        when: (at: Date, timeZone?: string) => inOneLine(timeText(at, language, timeZone)),
        branding,
        assets,
        accountHref: needs.accountHref,
        development,
        correlationId: correlationIdOf(request),
        formTokenField,
        formToken: binding === undefined ? undefined : needs.tokens.mint(binding),
      })
      return { status: page.status ?? 200, headers: headersOf(page, language), body }
    },
  }
}

/** @returns a page with what it says of the address, and of the session, when they have had too many */
export type LimitOfPages = (request: IncomingMessage, sessionUid?: string) => Page | undefined

/** The same pages, each counted where it is rendered: for those that no route shows, such as errors. */
export const limitPages = ({ render }: Pages, limitOf: LimitOfPages): Pages => ({
  render: (page, request, binding) => render(limitOf(request) ?? page, request, binding),
})

function readerOf({ reader, model }: Page): PersonOnPage | undefined {
  return reader ?? ('area' in model ? model.area.person : undefined)
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
function loadViews(directory: string): Eta {
  const eta = new Eta({
    autoEscape: true,
    escapeFunction: (value) => escapeHtml(showValue(value)),
    // else eta removes the line break after each tag, and words would join
    autoTrim: false,
    cache: true,
  })
  for (const file of readdirSync(directory)) {
    if (!file.endsWith('.eta')) continue
    eta.loadTemplate(`@${file.slice(0, -4)}`, readFileSync(join(directory, file), 'utf8'))
  }
  return eta
}

/** @returns the URL when it is http or https; undefined for others, such as `javascript:` */
function web(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? url : undefined
}

const timeText = createTimeTexts({
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
})

const inOneLine = (text: string): string => text.replaceAll(/\s/g, '\u00a0')

/** What a reader calls one letter: an emoji, or a character with its marks. Each text that a segmenter splits takes 6 KB outside of the heap. */
const letter = /^(?:\p{RGI_Emoji}|\P{M}\p{M}*)/v

/** @returns the first letter of a name, in place of a picture */
function initial(name: string): string {
  return letter.exec(name.trim().normalize())?.[0].toUpperCase() ?? '·'
}

/** Views show only texts and numbers; anything else is a bug in the view. */
function showValue(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw new TypeError('a view can only show text')
}
