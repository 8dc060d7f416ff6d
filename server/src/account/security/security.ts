// The security page, a list of sections.
import type { Route } from '../../reply.ts'
import type { SecuritySection } from '../../reply/account-pages.ts'
import { accountArea, accountPaths } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import { personalRoutes } from '../frame/gate.ts'
import type { AccountGate, SignedInPerson } from '../frame/gate.ts'

/** One part of the security page. For a new way to sign in, add its section to the list in routes.ts and its pages below
 *  `/account/security/`. */
export type Section = (person: SignedInPerson) => Promise<readonly SecuritySection[]>

/** @param needs.sections in their order */
export const createSecurityRoute = (
  needs: AreaNeeds & { readonly gate: AccountGate; readonly sections: readonly Section[] },
): Route =>
  personalRoutes(needs, needs.gate.requirePerson).page(accountPaths.security, async (_, person, request) => ({
    kind: 'page',
    view: 'account-security',
    model: {
      area: accountArea(needs, person, request, 'security'),
      sections: (await Promise.all(needs.sections.map((section) => section(person)))).flat(),
    },
  }))
