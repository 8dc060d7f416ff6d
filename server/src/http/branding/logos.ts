// Fetches, caches and serves the logos of clients: our pages load nothing from other hosts. Until a logo is there, pages show the first
// letter of the client's name.
import { paths } from '@nauthera/rules/endpoints'
import { describeError, foreignUri } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { RequestHandler } from 'express'
import { createAsking, oldestOfMost } from '../../oidc/outbound/asking.ts'
import { answerFile } from '../request/answer.ts'
import type { MediaFile } from '../request/answer.ts'
import { pictureTypeOf } from './picture-type.ts'

export interface Logos {
  /** @param path of a ClientOnPage
   *  @returns the path of the picture; undefined until it is fetched, which this call starts */
  show(path: string | undefined): string | undefined
  /** Answers `<issuer path>/logo/<client id>/<hash>`. */
  readonly handle: RequestHandler
}

interface Kept {
  readonly namespace: string
  readonly picture: MediaFile
  readonly until: number
}

const longestBytes = 64 * 1024
/** The size of the cache, and the age of its entries in milliseconds. */
const most = 200
const keepFor = 24 * 3_600_000

/** The present logo of a client. */
export interface RegisteredLogo {
  /** Where it is served, below the issuer. */
  readonly path: string
  /** Where it is fetched from. */
  readonly url: string
  /** The client's namespace: each has its own share of the cache. */
  readonly namespace: string
}

/** @param needs.basePath the issuer's path, '' when it has none
 *  @param needs.fetch refuses addresses that clients must not reach
 *  @param needs.asker the address of the present request's sender; undefined when unknown
 *  @param needs.now milliseconds, monotonic */
export function createLogos(needs: {
  basePath: string
  logoOf: (clientId: string) => RegisteredLogo | undefined
  fetch: (url: string) => Promise<Response>
  asker: () => string | undefined
  now: () => number
  log: Log
}): Logos {
  const kept = new Map<string, Kept>()
  const asking = createAsking<MediaFile>(needs)
  const picture = (path: string) => {
    const known = kept.get(path)
    return known !== undefined && known.until > needs.now() ? known.picture : undefined
  }

  async function load(path: string): Promise<MediaFile | undefined> {
    const logo = registeredAt(path, needs.logoOf)
    if (logo === undefined) return undefined
    const known = picture(path)
    if (known !== undefined) return known
    // anybody can request all logos of a namespace at once
    const asked = await asking.request({ of: path, host: logo.namespace }, () => fetchPicture(logo))
    return asked.kind === 'answered' ? asked.value : undefined
  }

  async function fetchPicture({ path, url, namespace }: RegisteredLogo): Promise<MediaFile> {
    try {
      const read = await readPicture(await needs.fetch(url))
      kept.delete(path)
      kept.set(path, { namespace, picture: read, until: needs.now() + keepFor })
      if (kept.size > most) kept.delete(oldestOfMost(kept, (one) => one.namespace))
      return read
    } catch (error) {
      needs.log.warn({ url: foreignUri(url), error: describeError(error) }, 'the logo of a client cannot be shown')
      throw error
    }
  }

  return {
    show(path) {
      if (path === undefined) return undefined
      void load(path)
      return kept.has(path) ? `${needs.basePath}${path}` : undefined
    },
    handle: async (request, response, next) => {
      const prefix = `${needs.basePath}${paths.logo}/`
      if (!request.path.startsWith(prefix) || (request.method !== 'GET' && request.method !== 'HEAD')) return next()
      const found = await load(request.path.slice(needs.basePath.length))
      if (found === undefined) return next()
      answerFile(request, response, found, 'public, max-age=86400, immutable')
    },
  }
}

/** The logo, if the path is that of the client's present logo. */
function registeredAt(path: string, logoOf: (clientId: string) => RegisteredLogo | undefined) {
  const clientId = clientIdOf(path)
  const logo = clientId === undefined ? undefined : logoOf(clientId)
  return logo?.path === path ? logo : undefined
}

/** @throws Error with the reason, for the log */
async function readPicture(answer: Response): Promise<MediaFile> {
  if (answer.status !== 200) throw new Error(`status ${answer.status}`)
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (bytes.length > longestBytes) throw new Error(`it is larger than ${longestBytes / 1024} KiB`)
  const type = pictureTypeOf(bytes)
  if (type === undefined) throw new Error('it is neither PNG, JPEG, GIF, WebP nor SVG')
  return { type, bytes }
}

function clientIdOf(path: string): string | undefined {
  const [, , id = ''] = path.split('/')
  try {
    return decodeURIComponent(id)
  } catch {
    return undefined
  }
}
