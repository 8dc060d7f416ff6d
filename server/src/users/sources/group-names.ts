// Maps group names of another source to ours.

export interface GroupNames {
  /** Which group there is which group here. */
  readonly map: readonly { readonly from: string; readonly to: string }[]
  /** Before the names of groups that the map does not have; without it they are left out. */
  readonly prefix?: string | undefined
}

/** @returns names, in no order, each once */
export function mapGroups(names: readonly string[], { map, prefix }: GroupNames): string[] {
  const taken = names.flatMap((name) => {
    const mapped = map.filter(({ from }) => from === name).map(({ to }) => to)
    return mapped.length === 0 && prefix !== undefined ? [`${prefix}${name}`] : mapped
  })
  return [...new Set(taken)]
}
