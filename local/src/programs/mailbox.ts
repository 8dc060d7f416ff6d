// A real SMTP server that keeps what it gets in memory, for tests and `npm run dev`. It can misbehave as real ones do.
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { SMTPServerOptions } from 'smtp-server'

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly messageId: string
  readonly subject: string
  /** By lower-case name, unfolded and decoded; the last of a name counts. */
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  readonly html: string
  readonly raw: string
  readonly at: Date
  /** Whether the connection was encrypted, and who signed in. */
  readonly secure: boolean
  readonly user: string | undefined
}

/** What the server does with the next mails, until it is told otherwise. */
export type Behaviour =
  | 'accept'
  /** 550 for every recipient. */
  | 'refuse'
  /** 451: try later. */
  | 'defer'
  /** Takes the mail and closes the connection without an answer. */
  | 'die-after-data'
  /** Takes the mail and answers only when `release` is called. */
  | 'hold'
  /** Answers a command so. The text may begin with an enhanced status code. */
  | { readonly at: 'MAIL FROM' | 'RCPT TO' | 'DATA'; readonly code: number; readonly text: string }

export interface Mailbox {
  readonly port: number
  readonly mails: readonly ReceivedMail[]
  behave(behaviour: Behaviour): void
  /** Answers the mails that are held, and holds no more. */
  release(): void
  /** Resolves with the first mail, old or new, that fits. */
  mail(fits: (mail: ReceivedMail) => boolean): Promise<ReceivedMail>
  /** Resolves when a mail is being held. */
  held(): Promise<void>
  stop(): Promise<void>
}

/** @param options.host where it listens; default 127.0.0.1
 *  @param options.port default: any free one
 *  @param options.tls asks for TLS, by STARTTLS or (`implicit`) from the first byte
 *  @param options.login the only name and password that may send */
export async function startMailbox(
  options: {
    host?: string
    port?: number
    tls?: { cert: string; key: string; implicit?: boolean }
    login?: { username: string; password: string }
  } = {},
): Promise<Mailbox> {
  const { tls, login } = options
  const mails: ReceivedMail[] = []
  const waiting = new Set<() => void>()
  const holding: (() => void)[] = []
  let behaviour: Behaviour = 'accept'
  const changed = () => {
    for (const look of waiting) look()
  }
  const refusalAt = (command: string): Error | undefined =>
    typeof behaviour === 'object' && behaviour.at === command ? failure(behaviour.code, behaviour.text) : undefined
  const server = new SMTPServer({
    logger: false,
    banner: 'test',
    closeTimeout: 1,
    disableReverseLookup: true,
    disabledCommands: [...(login === undefined ? ['AUTH'] : []), ...(tls === undefined ? ['STARTTLS'] : [])],
    authOptional: login === undefined,
    ...(tls === undefined ? {} : { cert: tls.cert, key: tls.key, secure: tls.implicit ?? false }),
    onAuth({ username, password }, _session, done) {
      const right = username === login?.username && password === login?.password
      done(right ? null : new Error('wrong name or password'), right ? { user: username } : undefined)
    },
    onMailFrom(_address, session, done) {
      if (tls !== undefined && !session.secure) return done(failure(530, 'begin TLS first'))
      done(refusalAt('MAIL FROM'))
    },
    onRcptTo(_address, _session, done) {
      if (behaviour === 'refuse') return done(failure(550, 'no such mailbox'))
      if (behaviour === 'defer') return done(failure(451, 'try later'))
      done(refusalAt('RCPT TO'))
    },
    onData(stream, session, done) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        const refusal = refusalAt('DATA')
        if (refusal) return done(refusal)
        const { mailFrom, rcptTo } = session.envelope
        const mail = parseMail(Buffer.concat(parts).toString('latin1'))
        const from = mailFrom === false ? '' : mailFrom.address
        const user = typeof session.user === 'string' ? session.user : undefined
        mails.push({
          ...mail,
          from,
          to: rcptTo.map(({ address }) => address),
          at: new Date(),
          secure: session.secure,
          user,
        })
        if (behaviour === 'hold') holding.push(done)
        else if (behaviour === 'die-after-data') cut(server, session.id)
        else done()
        changed()
      })
    },
  } satisfies SMTPServerOptions)
  server.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const check = () => {
        const found = look()
        if (found === undefined) return
        waiting.delete(check)
        resolve(found)
      }
      waiting.add(check)
      check()
    })
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    behave: (next) => {
      behaviour = next
    },
    release() {
      behaviour = 'accept'
      for (const answer of holding.splice(0)) answer()
    },
    mail: (fits) => until(() => mails.find(fits)),
    held: () => until(() => (holding.length > 0 ? true : undefined)).then(() => undefined),
    stop: () =>
      new Promise((resolve) => {
        cut(server)
        server.close(() => resolve())
      }),
  }
}

/** @param id of one session; default: all */
function cut(server: SMTPServer, id?: string): void {
  for (const connection of server.connections) {
    if (id === undefined || connection.session.id === id) connection._socket.destroy()
  }
}

function failure(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

type Parsed = Pick<ReceivedMail, 'messageId' | 'subject' | 'headers' | 'text' | 'html' | 'raw'>

/** Reads what our mails are made of: headers, and one text and one HTML part (RFC 2046, RFC 2047). */
function parseMail(raw: string): Parsed {
  const { headers, body } = partOf(raw)
  const boundary = /boundary="?([^";]+)"?/.exec(headers.get('content-type') ?? '')?.[1]
  const parts =
    boundary === undefined
      ? []
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((part) => partOf(part.trimStart()))
  const ofType = (type: string) => parts.find((part) => part.headers.get('content-type')?.startsWith(type))
  return {
    headers,
    raw,
    messageId: headers.get('message-id') ?? '',
    subject: headers.get('subject') ?? '',
    text: decodedBody(ofType('text/plain')),
    html: decodedBody(ofType('text/html')),
  }
}

interface Part {
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

function partOf(raw: string): Part {
  const end = raw.indexOf('\r\n\r\n')
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const at = line.indexOf(':')
    return [line.slice(0, at).toLowerCase(), decodedWords(line.slice(at + 1).trim())]
  })
  return { headers: new Map(headers), body: raw.slice(end + 4) }
}

const decodedWords = (text: string): string =>
  text
    .replace(/\?= +=\?/g, '?==?')
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, how: string, word: string) =>
      how.toLowerCase() === 'b'
        ? Buffer.from(word, 'base64').toString()
        : fromQuotedPrintable(word.replaceAll('_', ' ')),
    )

function decodedBody(part: Part | undefined): string {
  if (part === undefined) return ''
  const encoding = part.headers.get('content-transfer-encoding') ?? '7bit'
  const text =
    encoding === 'base64'
      ? Buffer.from(part.body, 'base64').toString()
      : encoding === 'quoted-printable'
        ? fromQuotedPrintable(part.body.replace(/=\r\n/g, ''))
        : Buffer.from(part.body, 'latin1').toString()
  return text.replaceAll('\r\n', '\n')
}

const fromQuotedPrintable = (text: string): string =>
  Buffer.from(
    text.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString()
