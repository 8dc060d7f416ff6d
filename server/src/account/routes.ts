import { paths } from '@nauthera/rules/endpoints'
import type { BrowserSessions } from '../oidc/browser-session.ts'
import type { Route } from '../reply.ts'
import { accountArea } from './frame.ts'
import { createFactorRoutes, factorSections } from './factors.ts'
import type { FactorNeeds } from './factors.ts'
import { createCallback, personalPage } from './gate.ts'
import { createPasswordRoutes, passwordSection } from './password.ts'
import type { PasswordNeeds } from './password.ts'
import { createSecurityRoutes } from './security.ts'
import type { Section } from './security.ts'

// The pages about a person's own account. Each has an address of its own; a form has that of its page. Ids and names of the controls
// do not change:
//
//   page                          controls (id = name unless given)
//   /account/security             #change-password #set-up-app #replace-app #remove-app #new-codes
//   /account/security/password    #current-password #new-password #repeat-password #save-password (save)
//   /account/security/app         #code #set-up-app; #codes-saved where codes are shown
//   /account/security/remove-app  #remove-app
//   /account/security/recovery-codes  #new-codes
//   each                          #nav-overview #nav-security #nav-sign-out; form_token, hidden, in every form

export interface AccountNeeds extends PasswordNeeds, FactorNeeds {
  readonly browserSessions: BrowserSessions
}

export function createAccountRoutes(needs: AccountNeeds): readonly Route[] {
  const { gate } = needs
  const overview = personalPage(paths.account, gate.requirePerson, (person, request) => ({
    kind: 'page',
    view: 'account-overview',
    model: { area: accountArea(needs, person, request, 'overview') },
  }))
  const sections: readonly Section[] = [
    async (person) => [passwordSection(needs, person)],
    (person) => factorSections(needs, person),
  ]
  return [
    createCallback(needs),
    overview,
    ...createSecurityRoutes({ ...needs, sections }),
    ...createPasswordRoutes(needs),
    ...createFactorRoutes(needs),
  ]
}
