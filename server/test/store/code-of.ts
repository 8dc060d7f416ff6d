// The code of what a promise is rejected with.
import { hasCode } from '@nauthera/runtime/coded-error'

/** @returns undefined when it resolves; of what has no code, its text */
export const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => (hasCode(error) ? error.code : String(error)),
  )
