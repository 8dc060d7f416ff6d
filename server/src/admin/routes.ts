import type { Route } from '../reply.ts'
import { createClientsRoute } from './clients.ts'
import type { ClientNeeds } from './clients.ts'
import { createKeysRoute } from './keys.ts'
import type { KeyNeeds } from './keys.ts'
import { createPeopleRoute } from './people.ts'
import type { PeopleNeeds } from './people.ts'
import { createPersonRoutes } from './person.ts'
import type { PersonNeeds } from './person.ts'

// The pages of the help desk, for members of the group in the setting `admin`. Ids and names of the controls do not change:
//
//   page                       controls (id = name unless given)
//   /admin                     #q #search #next
//   /admin/people/:id          #act-unlock #act-send-reset #act-enable #act-sign-out #act-reset-factors #act-unlink #act-disable, each a link to the page that asks
//   /admin/people/:id/:act     #confirm #back; form_token, hidden
//   /admin/clients             #q #search #next
//   /admin/keys                to look at

export type AdminNeeds = PeopleNeeds & PersonNeeds & ClientNeeds & KeyNeeds

export const createAdminRoutes = (needs: AdminNeeds): readonly Route[] => [
  createPeopleRoute(needs),
  ...createPersonRoutes(needs),
  createClientsRoute(needs),
  createKeysRoute(needs),
]
