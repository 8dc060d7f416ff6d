// Who and what stands on the sample pages.
import type { ClientOnPage, DetailOnPage, EndingOnPage, PasskeyOnPage } from '../../src/reply/on-page.ts'

/** A small picture, for pages with the logo of a client. */
const logo =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="12" fill="#0f766e"/><path d="M14 30l8-14 6 9 4-5 4 10z" fill="#fff"/></svg>',
  )

export const sampleClient: ClientOnPage = {
  clientId: 'team-a.web',
  name: 'Expense Reports',
  logo,
  startUrl: 'https://expenses.example.com/',
  policyUrl: 'https://expenses.example.com/privacy',
  termsUrl: 'https://expenses.example.com/terms',
}

export const plainClient: ClientOnPage = { clientId: 'team-a.cli', name: 'Build console' }

export const person = { username: 'ada@example.com', name: 'Ada Lovelace' }

export const at = '/interaction/u1'

export const endings: readonly EndingOnPage[] = [
  { name: 'Build console', minutes: 0, told: true },
  { name: 'Expense Reports', minutes: 5, told: false },
]

/** One with words of the API in German too, and one without any. */
export const sampleDetails: readonly DetailOnPage[] = [
  {
    api: 'Example Bank',
    title: {
      text: 'Make a payment from your account',
      by: { de: 'Eine Zahlung von Ihrem Konto ausführen' },
    },
    eachTime: true,
    rows: [
      {
        label: 'actions',
        values: [
          { text: 'start the payment', by: { de: 'die Zahlung anstoßen' } },
          { text: 'see how it stands', by: { de: 'sehen, wie es um sie steht' } },
        ],
      },
      { label: { text: 'Amount', by: { de: 'Betrag' } }, values: [{ text: '123.50' }] },
      { label: { text: 'To', by: { de: 'An' } }, values: [{ text: `Merchant ${'with a very long name '.repeat(8)}` }] },
      { label: { text: 'Urgent', by: { de: 'Eilig' } }, values: [false] },
    ],
  },
  {
    api: 'https://archive.example.com',
    title: { text: 'statements' },
    eachTime: false,
    rows: [
      { label: 'datatypes', values: [{ text: 'iban' }] },
      { label: 'privileges', values: [{ text: 'owner' }] },
      { label: 'locations', values: [{ text: 'https://archive.example.com/a/very/long/address/that/does/not/fit' }] },
      { label: 'identifier', values: [{ text: 'account-1' }] },
    ],
  },
]

/** No browser makes a passkey of it: the name is another one than that of the page. */
export function passkey(mode: PasskeyOnPage['mode']): PasskeyOnPage {
  const options = { challenge: 'AAAA', rpId: 'login.example.com', userVerification: 'required' }
  return { action: `${at}/passkey`, mode, options: JSON.stringify(options), sealed: 'k1~AAAA' }
}
