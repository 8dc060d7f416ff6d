// Where a form may lead, in the policy of its page.
/** Adds targets to a policy, for responses that others write (`response_mode=form_post`).
 *  @param policy a Content-Security-Policy; @param targets URLs
 *  @returns the policy with each target's origin (or application scheme) in `form-action` */
export function allowFormTargets(policy: string, targets: readonly string[]): string {
  const sources = targets.flatMap((target) => formSourceOf(target) ?? [])
  if (sources.length === 0) return policy
  return policy.replace(/form-action([^;]*)/, (_, present: string) => {
    const all = new Set([...present.split(' ').filter((source) => source !== '' && source !== "'none'"), ...sources])
    return `form-action ${[...all].join(' ')}`
  })
}

/** An application scheme: letters, digits, `+ - .`; anything else could end the directive. */
const applicationScheme = /^[a-z][a-z0-9+.-]*:$/

function formSourceOf(target: string): string | undefined {
  if (!URL.canParse(target)) return undefined
  const url = new URL(target)
  if (url.protocol === 'https:' || url.protocol === 'http:') return url.origin
  return applicationScheme.test(url.protocol) && url.protocol !== 'javascript:' ? url.protocol : undefined
}
