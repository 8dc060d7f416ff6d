// The page for the code that a device shows.
import type { IncomingMessage } from 'node:http'
import { paths } from '@nauthera/rules/endpoints'
import type { Interactions } from '../oidc/interaction/interaction.ts'
import { auditedRequest } from '../oidc/request-context.ts'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake, PersonOnPage } from '../reply/on-page.ts'
import type { Audit } from '../store/audit/audit.ts'
import type { DeviceCodes } from '../store/tokens/device-codes.ts'
import { interactionPaths } from './attempt/attempt.ts'

interface Needs {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly interactions: Pick<Interactions, 'startDevice'>
  readonly deviceCodes: Pick<DeviceCodes, 'guess'>
  readonly audit: Pick<Audit, 'record'>
  /** Who is signed in in the browser, as far as its cookie says. */
  readonly readerOf: (request: IncomingMessage) => Promise<PersonOnPage | undefined>
  /** False when all requests come from one proxy that is not trusted. */
  readonly addressesKnown: boolean
}

/** The page on which a person types the code that a device shows (RFC 8628 section 3.3). A right code begins a sign-in, whose first page asks
 *  whether the device is theirs; a link with the code in it only fills in the field. */
export const createDeviceRoutes = (needs: Needs): readonly Route[] => [
  {
    method: 'GET',
    path: paths.device,
    boundTo: 'browser',
    handle: async ({ raw }) => {
      const query = new URL(raw.request.url ?? '/', 'http://host').searchParams
      const linked = codeIn(query.get('user_code') ?? '')
      // a link fills in a code, and no text for the person to read
      return codePage(needs, raw.request, {
        typed: userCode.test(linked) ? `${linked.slice(0, 4)}-${linked.slice(4)}` : '',
      })
    },
  },
  { method: 'POST', path: paths.device, boundTo: 'browser', handle: (request) => look(needs, request) },
]

/** Letters without vowels, of which no two look alike in capitals; as oidc-provider makes them. */
const userCode = /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/

const codeIn = (typed: string): string => typed.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')

/** Characters: room for a code with separators. */
const longestTyped = 40

async function look(needs: Needs, request: PageRequest): Promise<Reply> {
  const typed = (request.form.get('user-code') ?? '').slice(0, longestTyped)
  const code = codeIn(typed)
  const mistaken = (key: string, more: { values?: Mistake['values']; status?: number; retryAfter?: number } = {}) => {
    const { values, ...said } = more
    return codePage(needs, request.raw.request, { typed, mistakes: [{ key, control: 'user-code', values }], ...said })
  }
  if (code === '') return mistaken('device-code-missing')
  if (!userCode.test(code)) return mistaken('device-code-shape')
  const found = await needs.deviceCodes.guess(code, needs.addressesKnown ? request.peer.address : undefined)
  if (found.kind === 'blocked') {
    const event = { event: 'device.blocked', outcome: 'failure', reason: 'too-many-wrong-codes' } as const
    needs.audit.record({ ...event, ...auditedRequest(request) })
    const values = { minutes: Math.ceil(found.waitSeconds / 60) }
    return mistaken('device-blocked', { values, status: 429, retryAfter: found.waitSeconds })
  }
  const uid = found.kind === 'found' ? await needs.interactions.startDevice(request, found.code) : undefined
  if (uid === undefined) return mistaken('device-code-unknown')
  return { kind: 'redirect', location: interactionPaths(needs.basePath, uid).page }
}

async function codePage(
  { basePath, readerOf }: Needs,
  request: IncomingMessage,
  said: { typed: string; mistakes?: readonly Mistake[]; status?: number; retryAfter?: number },
): Promise<Page> {
  const { typed, mistakes = [], status, retryAfter } = said
  const model = { action: `${basePath}${paths.device}`, userCode: typed.slice(0, longestTyped), mistakes }
  return { kind: 'page', view: 'device-code', reader: await readerOf(request), status, retryAfter, model }
}
