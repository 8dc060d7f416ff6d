// Asks a provider who a person is there, for a link in the account area. The person is signed in here already; the answer signs nobody in.
import type { PageRequest } from '../../reply.ts'
import { requestUpstream, isSame } from './answers.ts'
import { accountPrefix, answerOf } from './callback.ts'
import type { Federation } from './federation.ts'
import { describePerson } from './person.ts'
import { randomValue } from './relying-party.ts'
import type { Upstream } from './upstream.ts'

/** What binds the answer to the browser that was sent. */
export interface AccountRound {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

export type Brought =
  | { readonly kind: 'identified'; readonly issuer: string; readonly subject: string; readonly label: string }
  /** `again`: not the answer of this round. */
  | { readonly kind: 'again' | 'away' | 'invalid' | 'cancelled' | 'foreign' }

const textOf = ({ state }: AccountRound): string => `${accountPrefix}.${state}`

/** The providers, for the account area. */
export const createAccountRounds = ({ upstreams, log }: Pick<Federation, 'upstreams' | 'log'>) => ({
  providers: upstreams.map(({ id, name, maxAgeMs }) => ({ id, name, maxAgeMs })),
  /** @returns undefined while the provider does not answer */
  async start(id: string): Promise<{ location: string; round: AccountRound } | undefined> {
    const upstream = upstreams.find((one) => one.id === id)
    if (upstream === undefined) return undefined
    const round = { state: randomValue(), nonce: randomValue(), verifier: randomValue() }
    const asked = { ...round, state: textOf(round), prompt: 'select_account', uiLocales: [], acrValues: [] } as const
    const location = await requestUpstream(log, upstream, async () => ({
      kind: 'begun' as const,
      href: (await upstream.start(asked)).href,
    }))
    return location.kind === 'begun' ? { location: location.href, round } : undefined
  },
  /** @param round of this browser and this person; undefined when there is none */
  async complete(id: string, round: AccountRound | undefined, request: PageRequest): Promise<Brought> {
    const upstream = upstreams.find((one) => one.id === id)
    const parameters = answerOf(request)
    if (!upstream || !parameters || !round || !isSame(parameters.get('state'), textOf(round))) return { kind: 'again' }
    const said = await requestUpstream(log, upstream, () =>
      upstream.complete({ ...round, state: textOf(round), parameters }),
    )
    return said.kind === 'identified' ? describe(said, upstream) : said
  },
})

function describe(
  { claims, issuer, subject }: Extract<Awaited<ReturnType<Upstream['complete']>>, { kind: 'identified' }>,
  upstream: Upstream,
): Brought {
  const described = describePerson(claims, subject, upstream)
  if (described.kind === 'foreign') return described
  const { email, username } = described.person
  return { kind: 'identified', issuer, subject, label: email ?? username }
}
