import { askedFrom } from '../../src/describe-agent.ts'
import type { Mail, MailTemplate } from '../../src/mails.ts'

const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0'
const asked = askedFrom({ address: '198.51.100.7', agent })
const about = { person: 'ada', at: '2026-01-02T03:04:05Z', asked } as const
const link = { path: '/some/page/token', minutes: 30 } as const

/** One of every mail, as far as it can say anything. A new template is missing here until it has an entry. */
const samples: { readonly [Template in MailTemplate]: Extract<Mail, { template: Template }>['data'] } = {
  invitation: { path: link.path, days: 7 },
  registration: { ...link, asked },
  'already-registered': { path: link.path, asked },
  'account-elsewhere': { path: link.path, asked },
  reset: { ...link, person: 'ada', asked },
  verify: { ...link, person: 'ada' },
  'password-changed': about,
  'factor-changed': { ...about, change: 'totp-added' },
  'new-device': { ...about, client: 'Shop' },
  'desk-act': {
    person: 'ada',
    by: 'agent',
    act: 'disable',
    outcome: 'done',
    at: about.at,
    path: '/admin/people/1',
  },
  locked: { ...about, minutes: 15, path: '/forgot' },
}

export const sampleMails = Object.entries(samples).map(
  ([template, data]) => ({ template, data }) as unknown as Pick<Mail, 'template' | 'data'>,
)
