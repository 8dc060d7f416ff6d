import type { KubeObject } from '../objects.ts'
import type { Resource } from './resources.ts'
import { groupVersion } from './resources.ts'

/** The kinds that an API serves. */
export class Kinds {
  readonly all: readonly Resource[]

  constructor(all: readonly Resource[]) {
    this.all = all
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.all.find((one) => one.group === group && one.version === version && one.plural === plural)
  }

  /** @throws Error when it is not served */
  named(plural: string): Resource {
    const found = this.all.find((one) => one.plural === plural)
    if (!found) throw new Error(`${plural}: not served`)
    return found
  }

  /** @returns the kind that the object is of
   *  @throws Error when it is not served */
  of({ apiVersion, kind }: KubeObject): Resource {
    const found = this.all.find((one) => one.kind === kind && groupVersion(one) === apiVersion)
    if (!found) throw new Error(`${apiVersion} ${kind}: not served`)
    return found
  }
}
