// What the bindings of a render give a service account, in the form that the stand-in API enforces.
import type { RecordedRequest } from '@nauthera/stand-in/state'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import type { Manifest } from './render.ts'

/** @returns the rules of every role that the account is bound to; without namespace: everywhere */
export function grantsOf(objects: readonly Manifest[], account: string): RbacRule[] {
  return objects
    .filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding')
    .filter((binding) => (binding['subjects'] as { name: string }[]).some(({ name }) => name === account))
    .flatMap((binding) => {
      const { kind, name } = binding['roleRef'] as { kind: string; name: string }
      const { namespace } = binding.metadata
      const isNamed = (object: Manifest) => object.kind === kind && object.metadata.name === name
      const role = objects.find(
        (object) => isNamed(object) && object.metadata.namespace === (kind === 'Role' ? namespace : undefined),
      )
      if (!role) throw new Error(`no ${kind} ${name}`)
      return (role['rules'] as RbacRule[]).map((rule) => (namespace === undefined ? rule : { ...rule, namespace }))
    })
}

/** One verb on one kind, of all objects or of some names. */
export interface Right {
  readonly namespace?: string
  readonly group: string
  readonly resource: string
  readonly verb: string
  readonly names?: readonly string[]
}

export const rightsIn = (rules: readonly RbacRule[]): Right[] =>
  rules.flatMap(({ namespace, apiGroups, resources, verbs, resourceNames: names }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => ({
          ...(namespace === undefined ? {} : { namespace }),
          group,
          resource,
          verb,
          ...(names === undefined ? {} : { names }),
        })),
      ),
    ),
  )

/** `namespace group/resource verb [names]`, for messages and comparisons. */
export const spellRight = ({ namespace = '*', group, resource, verb, names }: Right): string =>
  [namespace, `${group}/${resource}`, verb, ...(names ? [`(${names.toSorted().join(' ')})`] : [])].join(' ')

export function isUsedBy(right: Right, call: RecordedRequest): boolean {
  if (!call.resource) return false
  const resource = call.subresource ? `${call.resource.plural}/${call.subresource}` : call.resource.plural
  return (
    (right.namespace === undefined || right.namespace === call.namespace) &&
    right.group === call.resource.group &&
    right.resource === resource &&
    right.verb === call.verb &&
    (right.names === undefined || (call.name !== undefined && right.names.includes(call.name)))
  )
}
