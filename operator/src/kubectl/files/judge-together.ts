// Judges clients together, as the operator would with nothing served yet: policies, names, and access to each other's APIs.
import { acceptClients } from '../../decide/client/accept-clients.ts'
import { keyOf } from '../../decide/client/client-names.ts'
import { judgeClient } from '../../decide/access/judge.ts'
import type { Judgement } from '../../decide/access/judgement.ts'
import { callerOf, resolveAccess } from '../../decide/access/resolve-access.ts'
import type { ApiAccess, NamespaceLabels } from '../../decide/access/resolve-access.ts'
import type { Policies } from '../../decide/client/policies.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'

export interface JudgedClient {
  readonly client: OIDCClient
  readonly judgement: Judgement
  /** To each audience that it lists. */
  readonly access: readonly ApiAccess[]
}

/** What a judgement needs beside the client and its policies. */
export interface AboutClients {
  readonly policiesOf: (client: OIDCClient) => Policies
  /** `namespace/name` of the one that is served under a name. */
  readonly holderOf?: (name: string) => string | undefined
  readonly isServed: (client: OIDCClient) => boolean
  /** Whether its tenant has no place for one that nobody serves. */
  readonly isFull?: (client: OIDCClient, limit: number) => boolean
  readonly labelsOf: (namespace: string) => NamespaceLabels
  /** Epoch milliseconds. */
  readonly now: number
}

/** @returns in the order of the clients */
export function judgeTogether(clients: readonly OIDCClient[], about: AboutClients): readonly JudgedClient[] {
  const { policiesOf, holderOf, isServed, isFull, labelsOf, now } = about
  const acceptances = acceptClients(clients, policiesOf, holderOf ? { holderOf } : {})
  const judged = clients.map((client) => ({
    client,
    judgement: judgeClient(client, {
      acceptance: acceptances.get(keyOf(client))!,
      policies: policiesOf(client),
      isFull: (limit) => !isServed(client) && isFull?.(client, limit) === true,
      isServed: isServed(client),
      isHeld: (name) => holderOf?.(name) === keyOf(client),
      now,
    }),
  }))
  const declared = Map.groupBy(
    judged.flatMap(({ judgement }) => judgement.declared),
    ({ identifier }) => identifier,
  )
  return judged.map(({ client, judgement }) => {
    const caller = callerOf(judgement, undefined, labelsOf(client.metadata.namespace))
    const asks = caller !== undefined && caller.audiences.length > 0
    const access = asks ? resolveAccess(caller, (identifier) => declared.get(identifier) ?? []) : []
    return { client, judgement, access }
  })
}
