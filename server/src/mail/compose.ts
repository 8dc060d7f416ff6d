// A mail in words: the texts of the locales and the values of the mail, as plain text and as HTML. Pure.
import { asOneLine } from '@nauthera/runtime/hidden-characters'
import type { Shaped } from '@nauthera/runtime/json'
import { escapeHtml } from '../http/branding/texts.ts'
import type { Texts } from '../http/branding/texts.ts'
import { createTimeTexts } from '../time-texts.ts'

export interface ComposedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** What every mail says about us. */
export interface Sender {
  readonly title: string
  /** The issuer: links begin with it. */
  readonly issuer: string
}

/** A mail as it waits in the outbox, with everything that one of the mails says (mails.ts). */
export const mailShape = {
  required: {
    to: 'string',
    template: 'string',
    languages: 'strings',
    data: {
      optional: {
        path: 'string',
        person: 'string',
        change: 'string',
        at: 'string',
        client: 'string',
        by: 'string',
        act: 'string',
        outcome: 'string',
        minutes: 'number',
        days: 'number',
        asked: {
          required: { device: { optional: { browser: 'string', system: 'string' } } },
          optional: { address: 'string' },
        },
      },
    },
  },
} as const

type WaitingMail = Shaped<typeof mailShape>
type Named = Pick<WaitingMail, 'template' | 'data'>
type Values = WaitingMail['data']

/** A part of a mail, in the order in which it is read. Values in `line` come from people: they are text in both forms. */
type Block =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'link'; readonly label: string; readonly url: string }
  | { readonly kind: 'facts'; readonly facts: readonly (readonly [string, string])[] }

/** @param texts of the language of the mail */
export function composeMail(mail: Named, texts: Texts, sender: Sender): ComposedMail {
  const key = `mail.${mail.template}`
  const subject = texts.text(`${key}.subject`, { title: sender.title })
  const blocks = blocksOf(mail, texts, sender)
  return { subject, text: asText(subject, blocks), html: asHtml(subject, blocks, texts.language) }
}

function blocksOf(mail: Named, texts: Texts, sender: Sender): readonly Block[] {
  const { path, person, minutes, days, at, asked, client, by } = mail.data
  const key = `mail.${mail.template}`
  const values = {
    title: sender.title,
    ...(minutes === undefined ? {} : { minutes }),
    ...(days === undefined ? {} : { days }),
    change: changeOf(mail.data, texts),
  }
  const line = (name: string): Block[] =>
    texts.has(`${key}.${name}`) ? [{ kind: 'line', text: texts.text(`${key}.${name}`, values) }] : []
  const facts = [
    ...fact(texts, 'account', person),
    ...fact(texts, 'member', by),
    ...fact(texts, 'application', client),
    ...fact(texts, 'time', at === undefined ? undefined : timeText(new Date(at), texts.language)),
    ...factsOf(texts, asked),
  ]
  return [
    ...line('text'),
    ...(path === undefined
      ? []
      : [
          { kind: 'link', label: texts.text(`${key}.action`), url: `${sender.issuer}${path}` } as const,
          ...line('valid'),
        ]),
    ...(facts.length === 0 ? [] : [{ kind: 'facts', facts } as const]),
    ...line('otherwise'),
    { kind: 'line', text: texts.text('mail.footer', { title: sender.title, issuer: sender.issuer }) },
  ]
}

/** What has happened, in words. */
function changeOf({ change, act, outcome }: Values, texts: Texts): string {
  if (act !== undefined) return texts.text(`mail.desk-act.${outcome}`, { act: texts.text(`act.${act}.link`) })
  return change === undefined ? '' : texts.text(`mail.factor-changed.change.${change}`)
}

const factsOf = (texts: Texts, asked: Values['asked']) => [
  ...fact(texts, 'address', asked?.address),
  ...fact(texts, 'browser', asked && browserOf(asked.device, texts)),
]

const browserOf = ({ browser, system }: NonNullable<Values['asked']>['device'], texts: Texts): string | undefined =>
  browser && system ? texts.text('sessions.browser-on-system', { browser, system }) : (browser ?? system)

const longestFact = 200

function fact(texts: Texts, name: string, value: string | undefined): [string, string][] {
  const shown = asOneLine(value ?? '').slice(0, longestFact)
  return shown === '' ? [] : [[texts.text(`mail.fact.${name}`), shown]]
}

/** In UTC: nobody knows where the mail is read. */
const timeText = createTimeTexts({ dateStyle: 'long', timeStyle: 'long' })

function asText(subject: string, blocks: readonly Block[]): string {
  const parts = blocks.map((block) => {
    switch (block.kind) {
      case 'line':
        return block.text
      case 'link':
        return `${block.label}:\n${block.url}`
      case 'facts':
        return block.facts.map(([name, value]) => `${name}: ${value}`).join('\n')
    }
  })
  return `${subject}\n\n${parts.join('\n\n')}\n`
}

/** Nothing in it is fetched: no picture, no style sheet, no link that counts who reads it. */
function asHtml(subject: string, blocks: readonly Block[], language: string): string {
  const body = blocks.map((block) => {
    switch (block.kind) {
      case 'line':
        return `<p>${escapeHtml(block.text)}</p>`
      case 'link':
        return `<p><a href="${escapeHtml(block.url)}" style="color:#3454c4;font-weight:bold">${escapeHtml(block.label)}</a></p>\n<p style="color:#545c6e;font-size:14px;overflow-wrap:anywhere">${escapeHtml(block.url)}</p>`
      case 'facts':
        return `<table role="presentation" style="border-collapse:collapse">\n${block.facts.map(factRow).join('\n')}\n</table>`
    }
  })
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:24px;background:#ffffff;color:#171b26;font:16px/1.5 system-ui,sans-serif">
<div style="max-width:560px">
<h1 style="font-size:20px">${escapeHtml(subject)}</h1>
${body.join('\n')}
</div>
</body>
</html>
`
}

const factRow = ([name, value]: readonly [string, string]): string =>
  `<tr><td style="padding:2px 16px 2px 0;color:#545c6e;vertical-align:top">${escapeHtml(name)}</td><td style="padding:2px 0"><bdi>${escapeHtml(value)}</bdi></td></tr>`
