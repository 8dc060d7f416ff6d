import { factorStanding } from '../../users/factors/policy.ts'
import type { FactorStanding } from '../../users/factors/policy.ts'
import { acrOf, acrValues, isEnough, neededAcr } from '../acr.ts'
import { acrWanted } from '../clients/access.ts'
import type { FactorQuestion, Interaction, SignedIn } from './interaction.ts'
import { opened } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'

/** Decides whether a sign-in needs a second factor. The library checks the same before a code is issued (what-is-asked). */
export async function factorsFor(
  needs: InteractionNeeds,
  interaction: Interaction,
  account: SignedIn,
): Promise<FactorQuestion> {
  const { library, client } = opened(interaction)
  const { params } = library
  const { kinds, required } = account.factors ?? (await lookUp(needs, interaction, account))
  const needed = neededAcr({
    claims: JSON.parse(params.claims ?? '{}'),
    acrValues: typeof params['acr_values'] === 'string' ? params['acr_values'] : undefined,
    ...acrWanted(client, required),
    reachable: acrValues(needs.secondFactor),
  })
  return { kinds, needed: !isEnough(needed, acrOf(account.amr)) }
}

async function lookUp(needs: InteractionNeeds, interaction: Interaction, account: SignedIn): Promise<FactorStanding> {
  const { people, client } = opened(interaction)
  const person = await people.find({ userId: account.accountId, clientUid: client.uid })
  const { user, factors = [] } = person ?? {}
  return factorStanding(needs.secondFactor, { groups: user?.groups ?? [], factors })
}
