import { asOneLine } from '@nauthera/runtime/hidden-characters'
import { describeAgent } from '../../describe-agent.ts'

/** Characters. */
const longestName = 60

/** The name of a second factor, as stored. @param typed the field of the form */
export const factorName = (typed: string | null): string =>
  asOneLine(typed ?? '')
    .trim()
    .slice(0, longestName)

/** A passkey that its person gave no name has that of the browser and system in which it was made.
 *  @param agent the header User-Agent */
export function passkeyName(typed: string | null, agent: string | undefined): string {
  const { browser, system } = describeAgent(agent)
  return factorName(typed) || [browser, system].filter((word) => word !== undefined).join(', ')
}
