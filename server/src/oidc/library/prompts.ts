import { interactionPolicy } from 'oidc-provider'
import type { ClientInstances } from '../clients/instances.ts'
import { questions } from '../interaction/what-is-asked.ts'
import type { Question } from '../interaction/what-is-asked.ts'
import { authorizationState } from './authorization.ts'
import type { Context } from './shapes.ts'

const { Check, Prompt, base } = interactionPolicy

/** The questions of interaction/what-is-asked as the library's policy. */
export function createPrompts(clients: ClientInstances): interactionPolicy.Prompt[] {
  return questions.map((question) => {
    const prompt = emptyPrompt(question)
    for (const { name, description, error, holds } of question.reasons) {
      const check = (context: object) => holds(authorizationState(context as Context, clients))
      prompt.checks.add(new Check(name, description, error, check))
    }
    return prompt
  })
}

/** The library's own reasons to sign in (no session, max_age, a hint of another person) come first. */
function emptyPrompt({ prompt: name, requestable }: Question): interactionPolicy.Prompt {
  const ofLibrary = name === 'login' ? base().get('login') : undefined
  return ofLibrary ?? new Prompt({ name, requestable })
}
