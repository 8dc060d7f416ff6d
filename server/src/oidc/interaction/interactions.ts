// Implements the interaction port for one request.
import { isOfAllowedGroup } from '../../store/tokens/what-counts.ts'
import { allowedGroupsOf } from '../clients/access.ts'
import { startDevice } from './begin-device.ts'
import { factorsFor } from './factors-for.ts'
import { finishInteraction } from './finish.ts'
import type { Interaction, Interactions, SignedIn } from './interaction.ts'
import { loadInteraction } from './load.ts'
import { missingConsent } from './missing-consent.ts'
import { opened } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'

export function createInteractions(needs: InteractionNeeds): Interactions {
  return {
    load: (page, uid) => loadInteraction(needs, page, uid),
    startDevice: (page, code) => startDevice(needs, page, code),
    save: async (page, interaction, progress) => needs.cookies.writeProgress(page.raw, interaction.uid, progress),
    record: (interaction, person) => opened(interaction).people.record(person),
    missingConsent: (interaction, account) => missingConsent(needs, interaction, account),
    isAllowed,
    countRefusal: (interaction) =>
      needs.refused(opened(interaction).client, { code: 'PERSON_NOT_ALLOWED', by: 'Anyone', from: '' }),
    factorsFor: (interaction, account) => factorsFor(needs, interaction, account),
    finish: (page, interaction, result) => finishInteraction(needs, page, interaction, result),
  }
}

async function isAllowed(interaction: Interaction, { accountId }: SignedIn): Promise<boolean> {
  const { people, client } = opened(interaction)
  const allowedGroups = allowedGroupsOf(client)
  if (allowedGroups.length === 0) return true
  const person = await people.find({ userId: accountId, clientUid: client.uid })
  return person !== undefined && isOfAllowedGroup(allowedGroups, person.user.groups)
}
