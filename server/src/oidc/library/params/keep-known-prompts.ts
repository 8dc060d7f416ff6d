import { markPromptIgnored } from '../../request-line.ts'
import { mayBeReplaced, watchParam } from './params-watcher.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** OpenID Connect Core 3.1.2.1, and Initiating User Registration 1.0. */
const defined: ReadonlySet<string> = new Set(['none', 'login', 'consent', 'select_account', 'create'])

/** Removes unknown words from `prompt`: some programs send a greeting there. `create`, and `none` beside others, stay for the library,
 *  which refuses them. A request object or pushed request may replace `prompt` later. */
export const keepKnownPrompts: ParamsWatcher = ({ req }, params) => {
  if (!('prompt' in params) || (params['prompt'] === undefined && !mayBeReplaced(params))) return
  const known = (prompt: unknown): unknown => {
    if (typeof prompt !== 'string') return prompt
    const kept = withoutOddWords(prompt)
    if (kept !== prompt) markPromptIgnored(req)
    return kept
  }
  watchParam(params, 'prompt', known(params['prompt']), known)
}

function withoutOddWords(prompt: string): string | undefined {
  const words = prompt.split(' ')
  if (words.includes('none')) return prompt
  return words.filter((word) => defined.has(word)).join(' ') || undefined
}
