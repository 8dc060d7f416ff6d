// Where mails end up while the product runs on this machine: a real SMTP server, and a page that shows what it got. Both are quiet, listen on
// 127.0.0.1 and keep everything in memory.
import { createServer } from 'node:http'
import type { HeldPort } from '@nauthera/local/processes/ports'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import type { ReceivedMail } from '@nauthera/local/programs/mailbox'

export interface Inbox {
  /** The page. */
  readonly url: string
  /** The setting `mail` of the servers. */
  readonly mail: { readonly host: string; readonly port: number; readonly from: string; readonly tls: 'off' }
  stop(): Promise<void>
}

/** @param held the port of the page */
export async function startInbox(held: HeldPort): Promise<Inbox> {
  const box = await startMailbox()
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    )
    response.end(renderInbox(box.mails))
  })
  await held.release()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(held.port, '127.0.0.1', () => resolve())
  })
  return {
    url: `http://localhost:${held.port}`,
    mail: { host: '127.0.0.1', port: box.port, from: 'Nauthera <sign-in@localhost>', tls: 'off' },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await box.stop()
    },
  }
}

/** @returns a page with the newest mail first; its links work, and nothing else of a mail does */
export function renderInbox(mails: readonly Pick<ReceivedMail, 'at' | 'to' | 'subject' | 'text'>[]): string {
  const articles = mails
    .toReversed()
    .map(
      ({ at, to, subject, text }) =>
        `<article><h2>${escape(subject)}</h2><p>to ${escape(to.join(', '))}, ${at.toLocaleTimeString('en')}</p><pre>${linked(text)}</pre></article>`,
    )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Inbox</title><meta name="viewport" content="width=device-width">
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}article{border-top:1px solid;padding:1rem 0}h2{margin:0;font-size:1.1rem}pre{white-space:pre-wrap;overflow-wrap:anywhere}</style>
</head><body><h1>Inbox</h1>
${articles.length === 0 ? '<p>No mail yet. Reload this page when you expect one.</p>' : articles.join('\n')}
</body></html>
`
}

/** A line that is an address of http becomes a link. */
const linked = (text: string): string =>
  text
    .split('\n')
    .map((line) => (/^https?:\/\/\S+$/.test(line) ? `<a href="${escape(line)}">${escape(line)}</a>` : escape(line)))
    .join('\n')

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
