// The pages of the help desk, for members of the groups of the setting `admin`. Ids and names of the controls do not change:
//
//   page                       controls (id = name unless given)
//   /admin                     #q #search #next #invite-link
//   /admin/invite              #email #name #locale #invite #back; form_token, hidden
//   /admin/people/:id          #act-unlock #act-send-reset #act-enable #act-sign-out #act-reset-factors #act-unlink #act-disable, each a link to the page that asks;
//                              #about #add-group, which lead there, too; #audit-link
//   /admin/people/:id/audit    #first #next
//   /admin/people/:id/:act     #confirm #back; about, form_token, hidden
//   /admin/people/:id/requests/:request   #confirm #back; form_token, hidden
//   /admin/clients             #q #search #next
//   /admin/keys                to look at
import type { Route } from '../reply.ts'
import type { ActPageNeeds } from './act-pages.ts'
import { createClientsRoute } from './clients.ts'
import type { ClientNeeds } from './clients.ts'
import { createInviteRoutes, invitePath } from './invite.ts'
import type { InviteNeeds } from './invite.ts'
import { createKeysRoute } from './keys.ts'
import type { KeyNeeds } from './keys.ts'
import { createPeopleRoute } from './people.ts'
import type { PeopleNeeds } from './people.ts'
import { createPersonRoutes } from './person.ts'

export type AdminNeeds = Omit<PeopleNeeds, 'inviteHref'> &
  ClientNeeds &
  KeyNeeds &
  ActPageNeeds &
  Pick<InviteNeeds, 'languages' | 'isReserved'>

export function createAdminRoutes(needs: AdminNeeds): readonly Route[] {
  return [
    createPeopleRoute({ ...needs, inviteHref: needs.sendsMail ? `${needs.basePath}${invitePath}` : undefined }),
    ...createInviteRoutes(needs),
    ...createPersonRoutes(needs),
    createClientsRoute(needs),
    createKeysRoute(needs),
  ]
}
