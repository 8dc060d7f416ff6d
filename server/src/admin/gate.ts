import { acrLevels } from '@nauthera/rules/acr'
import type { AccountGate, Require, SignedInPerson } from '../account/frame/gate.ts'
import type { Page, PageRequest } from '../reply.ts'
import { mayOf } from './rank.ts'
import type { DeskRules } from './rank.ts'

// The gate of the help desk. It lets in members of its groups who have proved a second factor: to look, within the last hour; to change
// something, within the last five minutes. Whoever is signed in and no member gets the page of an address that does not exist.

const [, byTwoFactors] = acrLevels
/** Seconds. */
const lookFor = 60 * 60

export interface DeskGate {
  /** For what only shows something. */
  readonly toLook: Require
  /** For what changes something. */
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
    // requireFresh knows how old a sign-in may be
    toAct: (request) => enter(request, () => false),
  }
}

/** The same as for any address that does not exist. */
export const notFound: Page = {
  kind: 'page',
  view: 'error',
  status: 404,
  model: { key: 'not-found', code: 'NOT_FOUND' },
}
