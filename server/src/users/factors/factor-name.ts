import { asOneLine } from '@nauthera/runtime/hidden-characters'

/** Characters. */
const longestName = 60

/** How a person calls a factor, as it is kept. @param typed the field of the form */
export const factorName = (typed: string | null): string =>
  asOneLine(typed ?? '')
    .trim()
    .slice(0, longestName)
