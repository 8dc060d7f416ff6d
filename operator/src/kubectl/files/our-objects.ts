// Finds the OIDCClients and OIDCPolicies among objects of files, and what the API server would refuse of them.
import { apiGroup, apiVersion } from '@nauthera/proto/names'
import type { Fault } from '@nauthera/runtime/coded-error'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { OIDCPolicy } from '../../api/oidc-policy.ts'
import { checkPolicySpec } from '../../decide/client/check-spec.ts'
import { shapeFaults } from './object-shape.ts'
import type { LocatedFault, ReadObject } from './read-documents.ts'

type Typed<Kind> = ReadObject & { readonly object: Kind }

/** Adds faults with file and line. */
export type Locate = (read: ReadObject, faults: readonly Fault[]) => void

/** @returns those of our kinds that have the shape of an object; the specs of policies have been checked, those of clients have not */
export function ourObjects(
  objects: readonly ReadObject[],
  locate: Locate,
): { readonly clients: readonly Typed<OIDCClient>[]; readonly policies: readonly Typed<OIDCPolicy>[] } {
  const mine = objects.filter((read) => isOurs(read, locate))
  const policies = mine
    .filter(({ object }) => object['kind'] === 'OIDCPolicy')
    .flatMap((read) => (hasShape<OIDCPolicy>(read, locate) ? [read] : []))
  for (const read of policies) locate(read, checkPolicySpec(read.object.spec ?? {}, 'spec'))
  const clients = mine
    .filter(({ object }) => object['kind'] === 'OIDCClient')
    .flatMap((read) => (hasShape<OIDCClient>(read, locate) ? [read] : []))
  return { clients, policies }
}

/** @returns a list, and what adds to it */
export function collectFaults(): { readonly faults: LocatedFault[]; readonly locate: Locate } {
  const faults: LocatedFault[] = []
  const locate: Locate = ({ file, lineOf }, found) => {
    for (const { path, message } of found) faults.push({ file, line: lineOf(path), path, message })
  }
  return { faults, locate }
}

function isOurs(read: ReadObject, locate: Locate): boolean {
  const { apiVersion: version, kind } = read.object
  if (kind !== 'OIDCClient' && kind !== 'OIDCPolicy') return false
  if (version === `${apiGroup}/${apiVersion}`) return true
  locate(read, [{ path: 'apiVersion', message: `must be ${apiGroup}/${apiVersion}` }])
  return false
}

function hasShape<Kind extends OIDCClient | OIDCPolicy>(read: ReadObject, locate: Locate): read is Typed<Kind> {
  const faults = shapeFaults(read.object)
  locate(read, faults)
  return faults.length === 0
}
