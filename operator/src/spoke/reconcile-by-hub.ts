// One client of a cluster that has joined another: judged there, its secret minted here, its status from both.
import { isRefusalCode } from '@nauthera/rules/refusals'
import type { Log } from '@nauthera/runtime/log'
import { findCondition } from '../api/conditions.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { listsSecrets } from '../decide/secret/listed-secrets.ts'
import { grantedOf } from '../decide/access/resolve-access.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import { conditionOf, faultText } from '../decide/status/finding.ts'
import { hubReachable } from '../decide/status/hub-status.ts'
import type { Activity, Outcome, OutcomeOfSecret } from '../decide/status/outcome.ts'
import type { HubReport } from '../decide/status/hub-status.ts'
import type { OwnerProof } from '../decide/secret/owner-proof.ts'
import { bindingOf } from '../decide/client/policies.ts'
import { restraintOf } from '../decide/client/restraint.ts'
import type { SharedList } from '../decide/client/follow-routes.ts'
import { EndingNamespaces } from '../intake/ending-namespaces.ts'
import { resolveRedirects, urisOf, withRedirects } from '../intake/resolve-redirects.ts'
import type { ResolvedRedirects } from '../intake/resolve-redirects.ts'
import type { Watch } from '../intake/watch.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import { createLookAtSecret } from '../secret/look-at-secret.ts'
import type { Memories } from '../secret/memories.ts'
import type { SecretOutlet } from '../secret/outlet.ts'
import type { OperatorSettings } from '../settings.ts'
import { buildOutcome, writeOutcome } from '../status/look-outcome.ts'
import type { WriteStatus } from '../status/write-status.ts'
import { hubName } from './hub-state.ts'
import type { HubState } from './hub-state.ts'
import { checkForHub, judgeByHub } from './judge-by-hub.ts'
import { versionIn } from './mirror.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'

interface Needs {
  readonly settings: Pick<OperatorSettings, 'issuer' | 'release' | 'namespace' | 'quietPeriod' | 'policy'>
  readonly cluster: string
  readonly watch: Pick<Watch, 'clients' | 'routes' | 'namespaceEnds' | 'namespaceBornAt'>
  readonly secrets: SecretStore
  readonly proof: OwnerProof
  readonly mirrors: Pick<Mirrors, 'find' | 'isListed' | 'isCurrent' | 'isRestrained' | 'refusal' | 'forget'>
  readonly outlet: SecretOutlet
  readonly state: HubState
  readonly status: WriteStatus
  readonly log: Log
  readonly again: (key: string, milliseconds: number) => void
  readonly forgive: (key: string) => void
  /** A client is gone, or another object has its name. */
  readonly onGone: () => void
  readonly onWrite: (kind: 'secret') => void
}

export function createReconcilerByHub(needs: Needs): {
  reconcile(key: string): Promise<void>
  readonly memories: Pick<Memories, 'clearRead' | 'versionsOf' | 'countEndingSince'>
} {
  const { settings, watch, mirrors, outlet, state, status, again } = needs
  const { clock } = state
  // a spoke reads no policies: its settings say which hosts may be followed
  const ownPolicies = bindingOf([{ name: 'baseline', spec: settings.policy }])
  const { look, memories } = createLookAtSecret({
    ...needs,
    ...outlet,
    clock,
    endings: new EndingNamespaces({ watched: watch.namespaceEnds, clock }),
    namespaceBornAt: watch.namespaceBornAt,
    sharing: watch.clients.sharing,
    wouldReportUnfinished: status.wouldReportUnfinished,
  })

  const lookAt = async (key: string, found: OIDCClient) => {
    const log = needs.log.child({ client: key })
    const client = status.withLatest(found)
    if (!mirrors.isListed) {
      const { again: soon } = await status.apply(client, withoutHub(client, state))
      if (soon !== undefined) again(key, soon)
      return
    }
    const mirror = mirrors.find(key)
    const isCurrent = mirrors.isCurrent(key)
    const refusal = mirrors.refusal(key)
    const judged = judgeByHub(client, { cluster: needs.cluster, mirror, isCurrent, refusal })
    const redirects = resolveRedirects(
      client,
      { ...judged, binding: ownPolicies },
      { routes: watch.routes, list: listInMirror(judged), now: clock.now() },
    )
    const judgement = withRedirects(judged, redirects)
    const granted = grantedOf([], [], urisOf(redirects))
    const secret = await look({ key, judgement, granted, isUnheardOf: mirror === undefined, log })
    const outcome = outcomeOf(needs, { key, judgement, redirects, secret: secret.outcome })
    const soon = await writeOutcome(status, outcome, () => secret.waits)
    if (soon !== undefined) again(key, soon)
    if (secret.failure !== undefined) throw secret.failure
  }

  const forget = (key: string) => {
    memories.remove(key)
    watch.routes?.remove(key)
    status.remove(key)
    needs.forgive(key)
    mirrors.forget(key)
    needs.onGone()
  }

  return {
    reconcile: async (key) => {
      const found = watch.clients.find(key)
      if (memories.isGone(key, found)) forget(key)
      if (found) await lookAt(key, found)
    },
    memories,
  }
}

/** The hub has no list for those that follow routes, so a mirror has them among its own.
 *  @returns undefined for a client that has no mirror. One that the hub refuses has: with a shorter list it may be taken */
function listInMirror({ client, serve }: Judgement): SharedList | undefined {
  if (checkForHub(client).length > 0) return undefined
  const { config } = serve.kind === 'desired' ? serve.version : versionIn(client)
  return { own: client.spec.redirectURIs ?? [], bytes: Buffer.byteLength(config) }
}

/** Before the mirrors are known nothing is decided: the status stays, and says that the hub is away. */
function withoutHub(client: OIDCClient, state: HubState): NonNullable<OIDCClient['status']> {
  const { fault, clock } = state
  const { metadata, status } = client
  const before = status?.conditions ?? []
  const finding = hubReachable({ fault: fault ?? { reason: 'WaitingForHub', message: 'the hub has not answered yet' } })
  const own = conditionOf('HubReachable', finding, { before, generation: metadata.generation, now: clock.now() })
  return { ...status, conditions: [...before.filter(({ type }) => type !== 'HubReachable'), own] }
}

function outcomeOf(
  { settings, mirrors, outlet, state }: Pick<Needs, 'settings' | 'mirrors' | 'outlet' | 'state'>,
  found: {
    readonly key: string
    readonly judgement: Judgement
    readonly redirects: ResolvedRedirects
    readonly secret: OutcomeOfSecret
  },
): Outcome {
  const { key, judgement } = found
  const mirror = mirrors.find(key)
  const { status } = mirror ?? {}
  const isPresent = mirrors.isCurrent(key) && (status?.observedGeneration ?? 0) >= (mirror?.metadata.generation ?? 0)
  const { acceptance, client } = judgement
  const own =
    acceptance.kind === 'invalid' ? { reason: 'InvalidSpec', message: faultText(acceptance.faults) } : undefined
  const hub: HubReport = {
    status,
    isPresent,
    verifiersGeneration:
      isPresent && saysVerifiers(mirror) ? client.metadata.generation : client.status?.verifiersGeneration,
    refusal: mirrors.refusal(key) ?? own,
    fault: state.fault,
    isListed: listsSecrets(client),
  }
  return buildOutcome({ settings, clock: state.clock }, found, {
    propagation: outlet.follow.config(key),
    activity: activityByHub(client, mirror, mirrors.isRestrained(key)),
    hub,
    refusals: {
      known: [],
      announced: (status?.refusals ?? []).flatMap(({ code, by }) =>
        by === 'Client' && isRefusalCode(code) ? [code] : [],
      ),
    },
  })
}

/** Whether what the hub says of its verifiers is about the mirror as it is now. */
const saysVerifiers = (mirror: Mirror | undefined): boolean =>
  mirror !== undefined && (mirror.status?.verifiersGeneration ?? 0) >= mirror.metadata.generation

/** @param isRestrained the mirror says what stops the client today. Until the hub has said so of that mirror, replicas there may serve it */
function activityByHub(client: OIDCClient, mirror: Mirror | undefined, isRestrained: boolean): Activity {
  const { status, metadata } = mirror ?? {}
  const said = findCondition(status, 'Active')
  const isSaid = mirror === undefined || (isRestrained && (status?.observedGeneration ?? 0) >= metadata!.generation)
  if (restraintOf(client.spec)?.suspended)
    return {
      kind: 'suspended',
      behind: isSaid && said?.status !== 'True' && said?.status !== 'Unknown' ? [] : [hubName],
    }
  if (said?.status === 'True') return { kind: 'active', behind: [] }
  if (said?.status === 'Unknown') return { kind: 'not-served', behind: [hubName] }
  return { kind: said?.reason === 'Suspended' ? 'suspended-before' : 'not-served', behind: [] }
}
