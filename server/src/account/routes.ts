// The pages about a person's own account. Each has an address of its own; a form has that of its page. Ids and names of the controls
// do not change:
//
//   page                          controls (id = name unless given)
//   /account                      #search (q) #search-submit (search), with many applications
//   /account/profile              #name #nickname #zoneinfo #save-profile (save)
//   /account/security             #change-password #set-up-app #replace-app #remove-app #new-codes #link-<provider>
//   /account/security/password    #current-password #new-password #repeat-password #save-password (save)
//   /account/security/app         #code #app-name (name) #set-up-app; #codes-saved where codes are shown
//   /account/security/rename      #factor-name (name) #save-name (save)
//   /account/security/remove-app  #remove-app
//   /account/security/recovery-codes  #new-codes
//   /account/security/upstream/:id  #link-continue; #link-confirm where the person is back
//   /account/security/unlink      #unlink
//   /account/sessions/:session    #end-session (end)
//   /account/sign-out-everywhere  #end-all (end)
//   /account/applications/:application  #remove-access (remove)
//   /account/preferences          #language-browser #language-en … (language) #colours-system #colours-light #colours-dark (colours)
//                                 #save-preferences (save)
//   each                          #nav-overview #nav-security … #nav-sign-out; form_token, hidden, in every form
import type { BrowserSessions } from '../oidc/browser-session.ts'
import type { Route } from '../reply.ts'
import { createApplicationsRoutes } from './applications.ts'
import type { ApplicationsNeeds } from './applications.ts'
import { createFactorRoutes } from './security/factors.ts'
import type { FactorPageNeeds } from './security/factors.ts'
import { factorSections } from './security/factor-sections.ts'
import { createCallback } from './frame/gate.ts'
import { createLinkingRoutes, linkedSection } from './security/linked-sign-ins.ts'
import type { LinkingNeeds } from './security/linking-needs.ts'
import { createOverviewRoute } from './overview.ts'
import type { OverviewNeeds } from './overview.ts'
import { createPasswordRoutes, passwordSection } from './security/password.ts'
import type { PasswordNeeds } from './security/password.ts'
import { createPreferencesRoutes } from './preferences.ts'
import type { PreferencesNeeds } from './preferences.ts'
import { createProfileRoutes } from './profile.ts'
import type { ProfileNeeds } from './profile.ts'
import { createSecurityRoute } from './security/security.ts'
import type { Section } from './security/security.ts'
import { createSessionsRoutes } from './sessions.ts'
import type { SessionsNeeds } from './sessions.ts'

export type AccountNeeds = OverviewNeeds &
  ProfileNeeds &
  PasswordNeeds &
  FactorPageNeeds &
  LinkingNeeds &
  SessionsNeeds &
  ApplicationsNeeds &
  PreferencesNeeds & {
    readonly browserSessions: BrowserSessions
  }

export function createAccountRoutes(needs: AccountNeeds): readonly Route[] {
  const sections: readonly Section[] = [
    async (person) => [passwordSection(needs, person)],
    (person) => factorSections(needs, person),
    (person) => linkedSection(needs, person),
  ]
  return [
    createCallback(needs),
    createOverviewRoute(needs),
    ...createProfileRoutes(needs),
    createSecurityRoute({ ...needs, sections }),
    ...createPasswordRoutes(needs),
    ...createFactorRoutes(needs),
    ...createLinkingRoutes(needs),
    ...createSessionsRoutes(needs),
    ...createApplicationsRoutes(needs),
    ...createPreferencesRoutes(needs),
  ]
}
