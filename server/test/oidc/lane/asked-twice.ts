// One request in two ways: with the length of its body, as programs send it, and in chunks, which the lane never takes; or of a second replica whose
// settings take the lane out. HTTP says that all are the same request, so all must have the same answer.
import { createHash } from 'node:crypto'
import { Agent, request as requestHttp } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { ServerReplicas } from '@nauthera/harness/server'
import { expect } from 'chai'

export interface LaneRequest {
  /** Default: POST. */
  readonly method?: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 })

export const closeConnections = (): void => agent.destroy()

export function ask(
  replicas: ServerReplicas,
  { method = 'POST', path, headers, body }: LaneRequest,
  way: 'whole' | 'chunks' | 'lane off',
): Promise<Got> {
  // a GET has no body, and so no chunks, unless it says that it has
  const chunked = method === 'GET' ? { 'transfer-encoding': 'chunked' } : {}
  const length = way === 'chunks' ? chunked : { 'content-length': String(Buffer.byteLength(body)) }
  const { hostname, port } = new URL(replicas.origin(way === 'lane off' ? 1 : 0))
  const { host } = new URL(replicas.issuer)
  return new Promise((resolve, reject) => {
    const outgoing = requestHttp(
      { agent, hostname, port, path, method, headers: { host, ...headers, ...length } },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('end', () => {
          const answer = Buffer.concat(chunks).toString()
          resolve({ status: incoming.statusCode!, headers: incoming.headers, body: answer })
        })
      },
    )
    outgoing.once('error', reject)
    if (way === 'chunks') outgoing.flushHeaders()
    outgoing.end(body)
  })
}

/** What has to be the same: of what is sealed its length, of what is signed its form, header and claims without what is new each time. */
export function comparable({ status, headers, body }: Got): object {
  const { date: _date, 'x-correlation-id': id, ...others } = headers
  // pages show it
  const text = body.replaceAll(String(id), 'the id').replaceAll(/"nr_[\w-]+"/g, ({ length }) => `"sealed ${length}"`)
  const forms: object[] = []
  const withoutSigned = text.replaceAll(/[\w-]+\.[\w-]+\.[\w-]{80,}/g, (jwt) => {
    forms.push(formOf(jwt, body))
    return 'signed'
  })
  return { status, headers: others, forms, body: withoutSigned }
}

/** @param body in which it stands, maybe beside an access token */
function formOf(jwt: string, body: string): object {
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
  const [header = '', payload = '', signature = ''] = jwt.split('.')
  const { jti, iat, exp, grant_ref: sealed, at_hash: hash, ...claims } = read(payload)
  const [, access = ''] = /"access_token":"([^"]+)"/.exec(body) ?? []
  const hashOfAccess = createHash('sha256').update(access).digest().subarray(0, 16).toString('base64url')
  return {
    header: read(header),
    claims,
    names: Object.keys(read(payload)),
    life: exp === undefined ? undefined : Number(exp) - Number(iat),
    isNew:
      Math.abs(Number(iat) - Date.now() / 1000) < 60 &&
      (jti === undefined || (typeof jti === 'string' && /^[\w-]{43}$/.test(jti))),
    isOfAccess: hash === undefined ? undefined : hash === hashOfAccess,
    signature: signature.length,
    sealed: String(sealed).length,
  }
}

type Line = Readonly<Record<string, unknown>>

/** @returns the lines of the log, by the id of their request */
export function linesById(lines: readonly string[]): ReadonlyMap<string, readonly Line[]> {
  const byId = new Map<string, Line[]>()
  for (const line of lines.map((text) => JSON.parse(text) as Line)) {
    const id = String(line['correlation'] ?? line['id'])
    byId.set(id, [...(byId.get(id) ?? []), line])
  }
  return byId
}

/** @returns another value, whatever this one ends with */
export const damaged = (value: string): string => `${value.slice(0, -4)}${value.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`

export const idOf = ({ headers }: Got): string => String(headers['x-correlation-id'])

/** What a line says of every request alike. */
const toldIn = (line: Line): readonly (readonly [string, unknown])[] =>
  Object.entries(line).filter(([name]) => !['time', 'id', 'correlation', 'milliseconds', 'lane'].includes(name))

/** Expects the log to say the same of both requests of each pair.
 *  @returns the pairs of which the lane has answered the first */
export function expectSameLines(
  pairs: readonly (readonly [Got, Got])[],
  { lines }: { readonly lines: readonly string[] },
): readonly (readonly [Got, Got])[] {
  const byId = linesById(lines)
  const sorted = (got: Got) => (byId.get(idOf(got)) ?? []).map((line) => JSON.stringify(toldIn(line))).toSorted()
  for (const [mine, theirs] of pairs) expect(sorted(mine)).to.deep.equal(sorted(theirs))
  return pairs.filter(([mine]) => byId.get(idOf(mine))!.some(({ lane }) => lane === true))
}
