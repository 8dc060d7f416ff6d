// The logos of clients. A page of ours requests nothing from others, so the server fetches a logo itself, keeps it for a while and
// serves it. A page that is rendered before its logo is there shows the first letter of the client's name.
import { paths } from '@nauthera/rules/endpoints'
import { describeError, foreign } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { RequestHandler } from 'express'
import { pictureTypeOf } from './picture-type.ts'

export interface Logos {
  /** @param path of a ClientOnPage
   *  @returns the address of the picture below the origin; undefined while it is not there, and then it is fetched */
  show(path: string | undefined): string | undefined
  /** Answers `<issuer path>/logo/<client id>/<hash>`. */
  readonly handle: RequestHandler
}

interface Kept {
  /** Undefined when it could not be had. */
  readonly picture: Picture | undefined
  /** Epoch milliseconds. */
  readonly until: number
}

interface Picture {
  readonly type: string
  readonly bytes: Buffer
}

const longestBytes = 64 * 1024
/** How many are kept. */
const most = 200
/** Milliseconds: how long a picture is kept, and how long one that could not be had is not asked for again. */
const keepFor = 24 * 3_600_000
const waitAfterFailure = 60_000

/** @param needs.basePath the issuer's path, '' when it has none
 *  @param needs.logoOf the logo that a client has now: where it is served, below the issuer, and where it is
 *  @param needs.fetch refuses addresses that clients must not reach */
export function createLogos(needs: {
  basePath: string
  logoOf: (clientId: string) => { path: string; url: string } | undefined
  fetch: (url: string) => Promise<Response>
  now: () => number
  log: Log
}): Logos {
  const kept = new Map<string, Kept>()
  const running = new Map<string, Promise<Picture | undefined>>()

  function load(path: string): Promise<Picture | undefined> {
    const known = kept.get(path)
    if (known !== undefined && known.until > needs.now()) return Promise.resolve(known.picture)
    const url = addressOf(path)
    if (url === undefined) return Promise.resolve(undefined)
    const loading = running.get(path) ?? fetchPicture(path, url).finally(() => running.delete(path))
    running.set(path, loading)
    return loading
  }

  async function fetchPicture(path: string, url: string): Promise<Picture | undefined> {
    let picture: Picture | undefined
    try {
      picture = await readPicture(await needs.fetch(url))
    } catch (error) {
      needs.log.warn({ url: foreign(url), error: describeError(error) }, 'the logo of a client cannot be shown')
    }
    keep(path, { picture, until: needs.now() + (picture === undefined ? waitAfterFailure : keepFor) })
    return picture
  }

  function keep(path: string, one: Kept): void {
    kept.delete(path)
    kept.set(path, one)
    const [oldest] = kept.keys()
    if (kept.size > most && oldest !== undefined) kept.delete(oldest)
  }

  /** The registered address; undefined unless the path is that of the logo that the client has now. */
  function addressOf(path: string): string | undefined {
    const clientId = clientIdOf(path)
    const logo = clientId === undefined ? undefined : needs.logoOf(clientId)
    return logo?.path === path ? logo.url : undefined
  }

  return {
    show(path) {
      if (path === undefined) return undefined
      void load(path)
      return kept.get(path)?.picture === undefined ? undefined : `${needs.basePath}${path}`
    },
    handle: async (request, response, next) => {
      const prefix = `${needs.basePath}${paths.logo}/`
      if (!request.path.startsWith(prefix) || (request.method !== 'GET' && request.method !== 'HEAD')) return next()
      const picture = await load(request.path.slice(needs.basePath.length))
      if (picture === undefined) return next()
      response.setHeader('cache-control', 'public, max-age=86400, immutable')
      response.setHeader('content-type', picture.type)
      // somebody may open an SVG by itself: nothing in it must run
      response.setHeader(
        'content-security-policy',
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
      )
      response.setHeader('content-length', picture.bytes.length)
      response.end(request.method === 'HEAD' ? undefined : picture.bytes)
    },
  }
}

/** @throws Error with the reason, for the log */
async function readPicture(answer: Response): Promise<Picture> {
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
