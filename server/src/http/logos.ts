// The logos of clients. A page of ours requests nothing from others, so the server fetches a logo itself, keeps it for a while and
// serves it. A page that is rendered before its logo is there shows the first letter of the client's name.
import { paths } from '@nauthera/rules/endpoints'
import { describeError, foreign } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { RequestHandler } from 'express'
import { answerFile } from './answer.ts'
import type { MediaFile } from './answer.ts'
import { pictureTypeOf } from './picture-type.ts'

export interface Logos {
  /** @param path of a ClientOnPage
   *  @returns the address of the picture below the origin; undefined while it is not there, and then it is fetched */
  show(path: string | undefined): string | undefined
  /** Answers `<issuer path>/logo/<client id>/<hash>`. */
  readonly handle: RequestHandler
}

interface Kept {
  readonly namespace: string
  /** Undefined when it could not be had. */
  readonly picture: MediaFile | undefined
  /** Epoch milliseconds. */
  readonly until: number
}

const longestBytes = 64 * 1024
/** How many are kept, and how many failures are remembered. */
const most = 200
const mostFailures = 10_000
/** How many are fetched at a time for the clients of one namespace: anybody can ask for all of its logos at once. */
const mostAtOnce = 4
/** Milliseconds: how long a picture is kept, and how long one that could not be had is not asked for again. */
const keepFor = 24 * 3_600_000
const waitAfterFailure = 60_000

/** A logo that a client has now. */
export interface RegisteredLogo {
  /** Where it is served, below the issuer. */
  readonly path: string
  /** Where it is. */
  readonly url: string
  /** Of the client: nobody's logos take the room of others. */
  readonly namespace: string
}

/** @param needs.basePath the issuer's path, '' when it has none
 *  @param needs.fetch refuses addresses that clients must not reach */
export function createLogos(needs: {
  basePath: string
  logoOf: (clientId: string) => RegisteredLogo | undefined
  fetch: (url: string) => Promise<Response>
  now: () => number
  log: Log
}): Logos {
  const kept = createKept()
  const running = new Map<string, Promise<MediaFile | undefined>>()
  /** Fetches that go on, by namespace. */
  const fetching = new Map<string, number>()

  function load(path: string): Promise<MediaFile | undefined> {
    const logo = registeredAt(path, needs.logoOf)
    if (logo === undefined) return Promise.resolve(undefined)
    const known = kept.get(path)
    if (known !== undefined && known.until > needs.now()) return Promise.resolve(known.picture)
    const going = running.get(path)
    if (going !== undefined) return going
    // not remembered: it is there at one of the next requests
    if ((fetching.get(logo.namespace) ?? 0) >= mostAtOnce) return Promise.resolve(undefined)
    const loading = fetchPicture(logo).finally(() => running.delete(path))
    running.set(path, loading)
    return loading
  }

  async function fetchPicture({ path, url, namespace }: RegisteredLogo): Promise<MediaFile | undefined> {
    let picture: MediaFile | undefined
    fetching.set(namespace, (fetching.get(namespace) ?? 0) + 1)
    try {
      picture = await readPicture(await needs.fetch(url))
    } catch (error) {
      needs.log.warn({ url: foreign(url), error: describeError(error) }, 'the logo of a client cannot be shown')
    }
    const left = fetching.get(namespace)! - 1
    if (left === 0) fetching.delete(namespace)
    else fetching.set(namespace, left)
    kept.put(path, { namespace, picture, until: needs.now() + (picture === undefined ? waitAfterFailure : keepFor) })
    return picture
  }

  return {
    show(path) {
      if (path === undefined) return undefined
      void load(path)
      return kept.get(path)?.picture !== undefined ? `${needs.basePath}${path}` : undefined
    },
    handle: async (request, response, next) => {
      const prefix = `${needs.basePath}${paths.logo}/`
      if (!request.path.startsWith(prefix) || (request.method !== 'GET' && request.method !== 'HEAD')) return next()
      const picture = await load(request.path.slice(needs.basePath.length))
      if (picture === undefined) return next()
      answerFile(request, response, picture, 'public, max-age=86400, immutable')
    },
  }
}

/** Undefined unless the path is that of the logo that the client has now. */
function registeredAt(path: string, logoOf: (clientId: string) => RegisteredLogo | undefined) {
  const clientId = clientIdOf(path)
  const logo = clientId === undefined ? undefined : logoOf(clientId)
  return logo?.path === path ? logo : undefined
}

/** What was fetched, and what could not be had, each with a room of its own. */
function createKept() {
  const pictures = new Map<string, Kept>()
  const failures = new Map<string, Kept>()
  return {
    get: (path: string): Kept | undefined => pictures.get(path) ?? failures.get(path),
    put(path: string, one: Kept): void {
      pictures.delete(path)
      failures.delete(path)
      const [among, limit] = one.picture === undefined ? [failures, mostFailures] : [pictures, most]
      among.set(path, one)
      if (among.size > limit) among.delete(oldestOfMost(among))
    },
  }
}

/** @returns the oldest of the namespace that has the most */
function oldestOfMost(kept: ReadonlyMap<string, Kept>): string {
  const byNamespace = Map.groupBy(kept, ([, { namespace }]) => namespace)
  const most = [...byNamespace.values()].reduce((one, other) => (other.length > one.length ? other : one))
  return most[0]![0]
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
