import { Refusal } from '../refusals.ts'
import type { ApiRequest } from './request.ts'

/** A rule of a Role (with `namespace`) or of a ClusterRole. */
export interface RbacRule {
  readonly namespace?: string
  readonly apiGroups: readonly string[]
  /** A subresource is `oidcclients/status`. */
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

export interface RbacUser {
  readonly name: string
  readonly rules: readonly RbacRule[]
}

export const everything: readonly RbacRule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]

/** @throws Refusal 403, worded as the API server's */
export function authorize(user: RbacUser, request: ApiRequest): void {
  const { resource, verb, namespace, name, subresource } = request
  if (!resource) return
  const wanted = subresource ? `${resource.plural}/${subresource}` : resource.plural
  const has = (list: readonly string[], item: string) => list.includes('*') || list.includes(item)
  const allowed = user.rules.some(
    (rule) =>
      (rule.namespace === undefined || rule.namespace === namespace) &&
      has(rule.apiGroups, resource.group) &&
      has(rule.resources, wanted) &&
      has(rule.verbs, verb) &&
      (rule.resourceNames === undefined || (name !== undefined && rule.resourceNames.includes(name))),
  )
  if (allowed) return
  const subject = name === undefined ? '' : ` "${name}"`
  const what = `${wanted}${resource.group === '' ? '' : `.${resource.group}`}${subject}`
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const why = `User "${user.name}" cannot ${verb} resource "${wanted}" in API group "${resource.group}" ${scope}`
  throw new Refusal(403, 'Forbidden', `${what} is forbidden: ${why}`, {
    details: {
      ...(name === undefined ? {} : { name }),
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.plural,
    },
  })
}
