// The security page, a list of sections.
import { paths } from '@nauthera/rules/endpoints'
import type { Route } from '../../reply.ts'
import type { SecuritySection } from '../../reply/account-pages.ts'
import { accountArea } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import { personalPage } from '../frame/gate.ts'
import type { AccountGate, SignedInPerson } from '../frame/gate.ts'

/** One part of the security page. For a new way to sign in, add its section to the list in routes.ts and its pages below
 *  `/account/security/`. */
export type Section = (person: SignedInPerson) => Promise<readonly SecuritySection[]>

const securityPath = `${paths.account}/security`

/** @param needs.sections in their order */
export function createSecurityRoutes(
  needs: AreaNeeds & { readonly gate: AccountGate; readonly sections: readonly Section[] },
): readonly Route[] {
  const show = personalPage(securityPath, needs.gate.requirePerson, async (person, request) => ({
    kind: 'page',
    view: 'account-security',
    model: {
      area: accountArea(needs, person, request, 'security'),
      sections: (await Promise.all(needs.sections.map((section) => section(person)))).flat(),
    },
  }))
  return [show]
}
