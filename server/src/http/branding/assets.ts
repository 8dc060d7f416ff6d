import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { RequestHandler } from 'express'
import { assetsDirectory } from '../../files.ts'
import type { BrandingSettings } from '../../settings.ts'
import type { UpstreamSettings } from '../../settings/upstream.ts'
import { answerFile } from '../request/answer.ts'
import type { MediaFile } from '../request/answer.ts'
import { fitAccent } from './colours.ts'

/** The files that pages load. Names contain the content's hash, so browsers can cache a file for ever. */
export interface Assets {
  /** Paths below the origin. */
  readonly stylesheet: string
  /** The second stylesheet, for pages of an area. */
  readonly areaStylesheet: string
  /** The only script, for pages with passwords or passkeys. */
  readonly script: string
  readonly logo: string | undefined
  /** Logos of other providers, by their ids. */
  readonly providerLogos: Readonly<Record<string, string>>
  /** @param path of a request @returns whether there is such a file */
  has(path: string): boolean
  /** Answers `<issuer path>/assets/…`. */
  readonly handle: RequestHandler
}

const longestLogoBytes = 32 * 1024
const longestCssBytes = 16 * 1024

/** @param basePath the issuer's path, '' when it has none
 *  @throws CodedError SETTINGS_INVALID when a logo cannot be read, is too long, neither SVG nor PNG, or has a script; when the rules of the
 *  brand cannot be read, are too long, or load something from elsewhere */
export function createAssets(needs: {
  basePath: string
  branding: BrandingSettings
  /** Other providers at which people sign in. */
  upstreams: readonly Pick<UpstreamSettings, 'id' | 'logoFile'>[]
}): Assets {
  const style = readFileSync(join(assetsDirectory, 'style.css'), 'utf8')
  const { accent, cssFile } = needs.branding
  const assets = new Map<string, MediaFile>()
  const add = (name: string, extension: string, asset: MediaFile): string => {
    const hash = createHash('sha256').update(asset.bytes).digest('hex').slice(0, 12)
    const file = `${name}.${hash}.${extension}`
    assets.set(file, asset)
    return `${needs.basePath}/assets/${file}`
  }
  const stylesheet = add('style', 'css', {
    type: 'text/css; charset=utf-8',
    bytes: Buffer.from(
      withChosenColours(compact(style) + accentRules(accent) + (cssFile === undefined ? '' : readCss(cssFile))),
    ),
  })
  const areaStylesheet = add('area', 'css', {
    type: 'text/css; charset=utf-8',
    bytes: Buffer.from(compact(readFileSync(join(assetsDirectory, 'area.css'), 'utf8'))),
  })
  const script = add('script', 'js', {
    type: 'text/javascript; charset=utf-8',
    bytes: readFileSync(join(assetsDirectory, 'script.js')),
  })
  const addLogo = (name: string, setting: string, path: string | undefined): string | undefined => {
    if (path === undefined) return undefined
    const given = readLogo(setting, path)
    return add(name, given.type === 'image/png' ? 'png' : 'svg', given)
  }
  const logo = addLogo('logo', 'branding.logoFile', needs.branding.logoFile)
  const providerLogos = Object.fromEntries(
    needs.upstreams.flatMap(({ id, logoFile }, index) => {
      const shown = addLogo(`provider-${id}`, `upstreams.${index}.logoFile`, logoFile)
      return shown === undefined ? [] : [[id, shown]]
    }),
  )
  const prefix = `${needs.basePath}/assets/`
  return {
    stylesheet,
    areaStylesheet,
    script,
    logo,
    providerLogos,
    has: (path) => path.startsWith(prefix) && assets.has(path.slice(prefix.length)),
    handle: (request, response, next) => {
      if (!request.path.startsWith(prefix) || (request.method !== 'GET' && request.method !== 'HEAD')) return next()
      const asset = assets.get(request.path.slice(prefix.length))
      if (asset === undefined) return next()
      answerFile(request, response, asset, 'public, max-age=31536000, immutable')
    },
  }
}

const fault = (path: string, message: string, cause?: unknown): CodedError =>
  new CodedError('SETTINGS_INVALID', { cause, faults: [{ path, message }] })

function readBrandFile(setting: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw fault(setting, `cannot read ${path}; mount the file there or correct the path`, cause)
  }
}

/** Finds rules that load something from elsewhere, which the Content-Security-Policy forbids. */
const fromElsewhere = /@import|url\(\s*['"]?\s*(?:[a-z]+:)?\/\//i

function readCss(path: string): string {
  const setting = 'branding.cssFile'
  const css = readBrandFile(setting, path).toString('utf8')
  if (Buffer.byteLength(css) > longestCssBytes) throw fault(setting, 'must be at most 16 KiB')
  if (fromElsewhere.test(css)) throw fault(setting, 'must not load anything from elsewhere; pages are not allowed to')
  return compact(css)
}

/** Finds scripts in an SVG. They would not run in our pages, but such a file is not a plain picture. */
const scriptInSvg = /<(?:[\w-]+:)?(?:script|foreignobject)|\son[a-z]+\s*=|javascript:/i

function readLogo(setting: string, path: string): MediaFile {
  const bytes = readBrandFile(setting, path)
  if (bytes.length > longestLogoBytes) throw fault(setting, 'must be at most 32 KiB')
  if (bytes.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47]))) return { type: 'image/png', bytes }
  const text = bytes.toString('utf8')
  if (text.includes('<svg')) {
    if (scriptInSvg.test(text)) throw fault(setting, 'must have no scripts; export the SVG as a plain picture')
    return { type: 'image/svg+xml', bytes }
  }
  throw fault(setting, 'must be an SVG or a PNG')
}

function accentRules(accent: string | undefined): string {
  if (accent === undefined) return ''
  const { light, dark, onLight, onDark } = fitAccent(accent)
  return (
    `:root{--accent:${light};--on-accent:${onLight}}` +
    `@media (prefers-color-scheme:dark){:root{--accent:${dark};--on-accent:${onDark}}}`
  )
}

/** Rewrites rules for `prefers-color-scheme`, so that the person's choice (`data-colours` of the page) wins over the system. */
function withChosenColours(css: string): string {
  return css.replace(
    /@media \(prefers-color-scheme: ?dark\) ?\{\s*:root ?\{([^}]*)\}\s*\}/g,
    (_, rules: string) =>
      `@media (prefers-color-scheme:dark){:root:not([data-colours=light]){${rules}}}` +
      `:root[data-colours=dark]{color-scheme:dark;${rules}}`,
  )
}

/** Removes comments and indentation, nothing else. */
function compact(css: string): string {
  return css
    .replace(/\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}
