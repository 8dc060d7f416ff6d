import { errors, interactionPolicy } from 'oidc-provider'
import type { ClientInstances } from '../clients/instances.ts'
import { questions } from '../interaction/what-is-asked.ts'
import type { Question } from '../interaction/what-is-asked.ts'
import { authorizationState } from './authorization.ts'
import type { AuthorizationRules } from './authorization.ts'
import { submissionOf } from './shapes.ts'
import type { Context } from './shapes.ts'

const { Check, Prompt, base } = interactionPolicy

/** Builds the library's interaction policy from the questions of interaction/what-is-asked. */
export function createPrompts(clients: ClientInstances, about: AuthorizationRules): interactionPolicy.Prompt[] {
  return questions.map((question) => {
    const prompt = emptyPrompt(question)
    for (const { name, description, error, holds, whenAnswered } of question.reasons) {
      const check = (context: Context) => {
        if (!holds(authorizationState(context, clients, about))) return false
        if (whenAnswered !== undefined && submissionOf(context)?.login) throw unmet(description)
        return true
      }
      prompt.checks.add(new Check(name, description, error, check))
    }
    return prompt
  })
}

/** What a request may ask for by `prompt`. */
export const requestablePrompts: readonly string[] = [
  'none',
  ...questions.filter(({ requestable }) => requestable).map(({ prompt }) => prompt),
]

const unmet = (description: string) => new errors.UnmetAuthenticationRequirements(description)

/** The library's own reasons to sign in (no session, max_age, a hint of another person) come first. Not its reasons about acr:
 *  they show the page again and again, and do not see an essential acr beside acr_values. */
function emptyPrompt({ prompt: name, requestable }: Question): interactionPolicy.Prompt {
  const ofLibrary = name === 'login' ? base().get('login') : undefined
  for (const reason of ['essential_acrs', 'essential_acr']) ofLibrary?.checks.remove(reason)
  return ofLibrary ?? new Prompt({ name, requestable })
}
