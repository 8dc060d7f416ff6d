// The operator's own validation: everything that the CRD says, and what CEL cannot say.
import type { Fault } from '@nauthera/runtime/coded-error'
import { checkValue, nativeRules } from '../api/check.ts'
import { clientSpec } from '../api/client-rules.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { policySpec } from '../api/oidc-policy.ts'
import { checkServed } from '../api/served.ts'
import { checkWindow } from './schedule.ts'

const client = nativeRules(clientSpec)
const policy = nativeRules(policySpec)
const maxNameLength = 120

/** @param stored the last version, where it is known: some fields cannot change
 *  @returns every fault, `spec.redirectURIs: must be …`; none is fixed, none is ignored */
export function checkClient(
  object: Pick<OIDCClient, 'metadata' | 'spec'>,
  stored?: Pick<OIDCClient, 'spec'>,
): readonly Fault[] {
  const name =
    object.metadata.name.length > maxNameLength
      ? [{ path: 'metadata.name', message: `may not be more than ${maxNameLength} bytes` }]
      : []
  const shape = checkValue(client.json, object.spec, client.evaluate, { path: 'spec', old: stored?.spec })
  // a value of the wrong shape would make the further checks throw
  if (shape.some(({ kind }) => kind !== 'rule')) return [...name, ...shape].map(plain)
  return [...name, ...shape, ...checkServed(object.spec), ...checkWindow(object.spec)].map(plain)
}

/** @param path where the spec stands: `spec`, or `policy` for the baseline in the settings */
export function checkPolicySpec(spec: unknown, path: string): readonly Fault[] {
  return checkValue(policy.json, spec, policy.evaluate, { path }).map(plain)
}

const plain = ({ path, message }: Fault): Fault => ({ path, message })
