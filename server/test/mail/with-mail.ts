// Servers that send mail to a real SMTP server, as people meet them: pages and mailboxes.
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import type { Mailbox, ReceivedMail } from '@nauthera/local/programs/mailbox'
import { outboxSettled } from '../store/wait-for.ts'

export interface MailSite extends ServerReplicas {
  readonly box: Mailbox
  /** Resolves when nothing waits in the outbox. */
  settled(): Promise<void>
  /** The newest mail to somebody, once nothing waits; undefined when there is none. */
  newest(to: string): Promise<ReceivedMail | undefined>
  /** Asks for a link as a person does. @returns the page after the redirect */
  forgot(login: string, browser?: Browser): Promise<Answer & { url: string }>
  /** The path of the link in the newest mail to somebody. */
  linkTo(to: string): Promise<string>
}

export async function startMailSite(options: { count?: number; settings?: object } = {}): Promise<MailSite> {
  const box = await startMailbox()
  const mail = { host: '127.0.0.1', port: box.port, from: 'Login <login@example.com>', tls: 'off' }
  const replicas = await startReplicas({ ...options, settings: { mail, ...options.settings } })
  const startUri = { clientUri: 'https://app.example.com/start' }
  await replicas.serve([entry('app.web', { ...configs.web, ...startUri })])
  const { outbox } = replicas.apps[0]!.store
  const settled = () => outboxSettled(outbox)
  const newest = async (to: string) => {
    await settled()
    return box.mails.findLast((received) => received.to.includes(to))
  }
  return {
    ...replicas,
    box,
    settled,
    newest,
    async forgot(login, browser = new Browser(replicas)) {
      const page = await browser.follow('/forgot')
      return browser.submit(page, '/forgot', { login })
    },
    async linkTo(to) {
      const text = (await newest(to))?.text ?? ''
      const url = /^https?:\S+$/m.exec(text)?.[0]
      if (url === undefined) throw new Error(`no link for ${to} in: ${text}`)
      return new URL(url).pathname
    },
    async stop() {
      await replicas.stop()
      await box.stop()
    },
  }
}

/** The page of a sign-in at the application. */
export async function signInPage(site: ServerReplicas, browser: Browser): Promise<Answer & { url: string }> {
  return browser.follow(authorizationUrl(site.issuer, request(pkce())))
}

export const newPassword = 'a longer battery and a stapled horse'
export const chosen = { 'new-password': newPassword, 'repeat-password': newPassword }

/** Words of a page, as a person reads them. */
export const wordsOf = ({ body }: Answer): string =>
  body
    .replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()

/** Of answers to forms that were sent at once, the places of those that did what they asked for. On a busy machine some get no answer in
 *  time (503, 429) and do nothing, or nobody learns what they did. */
export function winnersOf(answers: readonly Answer[]): number[] {
  const strange = answers.filter(({ status }) => ![303, 400, 429, 503].includes(status))
  if (strange.length > 0) throw new Error(`an answer with status ${strange[0]!.status}`)
  return answers.flatMap(({ status }, at) => (status === 303 ? [at] : []))
}
