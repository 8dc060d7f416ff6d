// Admits members of the help desk with a second factor: proved in the last hour to look, in the last five minutes to act. Anybody else
// gets 404.
import { acrLevels } from '@nauthera/rules/acr'
import type { AccountGate, Require, SignedInPerson } from '../account/frame/gate.ts'
import type { Page, PageRequest } from '../reply.ts'
import { mayOf } from './rank.ts'
import type { DeskRules } from './rank.ts'

const [, byTwoFactors] = acrLevels
/** Seconds. */
const lookFor = 60 * 60

export interface DeskGate {
  /** For pages that only show something. */
  readonly toLook: Require
  /** For pages and forms that change something. */
  readonly toAct: Require
}

/** @param needs.now epoch milliseconds */
export function createDeskGate(needs: { gate: AccountGate; rules: DeskRules; now: () => number }): DeskGate {
  const { gate, rules, now } = needs
  const isMember = ({ user }: SignedInPerson) => mayOf(rules, user.groupOrigins).size > 0
  const enter = async (request: PageRequest, isEnough: (person: SignedInPerson) => boolean): ReturnType<Require> => {
    const admission = await gate.requirePerson(request)
    if (admission.kind !== 'admitted') return admission
    if (!isMember(admission.person)) return notFound
    return isEnough(admission.person) ? admission : gate.requireFresh(request, { acr: [byTwoFactors] })
  }
  return {
    toLook: (request) =>
      enter(request, ({ session }) => session.acr === byTwoFactors && now() / 1000 - session.authTime <= lookFor),
    // requireFresh has the limit of age
    toAct: (request) => enter(request, () => false),
  }
}

/** The same page as for an unknown address. */
export const notFound: Page = {
  kind: 'page',
  view: 'error',
  status: 404,
  model: { key: 'not-found', code: 'NOT_FOUND' },
}
