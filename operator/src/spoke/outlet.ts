// The outlet of a cluster that has joined another: judged by the hub, stored in a mirror, served there (ADR 35).
import { isRefusalCode } from '@nauthera/rules/refusals'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import { grantedOf } from '../decide/access/resolve-access.ts'
import type { SharedList } from '../decide/client/follow-routes.ts'
import { bindingOf } from '../decide/client/policies.ts'
import { listsSecrets } from '../decide/secret/listed-secrets.ts'
import { conditionOf, faultText } from '../decide/status/finding.ts'
import { hubReachable } from '../decide/status/hub-status.ts'
import type { HubReport } from '../decide/status/hub-status.ts'
import type { Outcome } from '../decide/status/outcome.ts'
import type { Propagation } from '../decide/status/propagation.ts'
import { urisOf } from '../intake/resolve-redirects.ts'
import type { ClientOutlet } from '../reconcile/outlet.ts'
import type { OperatorSettings } from '../settings.ts'
import { buildOutcome } from '../status/look-outcome.ts'
import type { LookFindings } from '../status/look-outcome.ts'
import { activityByHub } from './activity-by-hub.ts'
import type { HubState } from './hub-state.ts'
import { checkForHub, judgeByHub } from './judge-by-hub.ts'
import { createMirrorSecrets } from './mirror-secrets.ts'
import { versionIn } from './mirror.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'

interface Needs {
  readonly settings: Pick<OperatorSettings, 'issuer' | 'release' | 'namespace' | 'policy'>
  /** The name of this cluster in the hub. */
  readonly cluster: string
  readonly mirrors: Pick<Mirrors, 'find' | 'isListed' | 'isCurrent' | 'isRestrained' | 'refusal' | 'ask' | 'forget'>
  readonly state: HubState
  readonly findClient: (key: string) => OIDCClient | undefined
  /** A client is gone, or another object has its name. */
  readonly onGone: () => void
}

export function createHubOutlet(needs: Needs): ClientOutlet {
  const { settings, cluster, mirrors, state } = needs
  const secret = createMirrorSecrets(needs)
  // a spoke reads no policies: its settings say which hosts may be followed
  const binding = bindingOf([{ name: 'baseline', spec: settings.policy }])
  return {
    secret,
    judge: (key, client) => {
      if (!mirrors.isListed) return { kind: 'waits', status: withoutHub(client, state) }
      const [mirror, isCurrent, refusal] = [mirrors.find(key), mirrors.isCurrent(key), mirrors.refusal(key)]
      const judgement = judgeByHub(client, { cluster, binding, mirror, isCurrent, refusal })
      return { kind: 'judged', judgement, list: listInMirror(judgement) }
    },
    // what it may call, the hub grants
    grant: (_key, _judgement, redirects) => ({ granted: grantedOf([], [], urisOf(redirects)), access: [] }),
    observe: (findings) => outcomeByHub(needs, findings, secret.follow.config(findings.key)),
    written: () => [],
    remove: (key) => {
      mirrors.forget(key)
      needs.onGone()
    },
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
function withoutHub(client: OIDCClient, { fault, clock }: HubState): NonNullable<OIDCClient['status']> {
  const { metadata, status } = client
  const before = status?.conditions ?? []
  const finding = hubReachable({ fault: fault ?? { reason: 'WaitingForHub', message: 'the hub has not answered yet' } })
  const own = conditionOf('HubReachable', finding, { before, generation: metadata.generation, now: clock.now() })
  return { ...status, conditions: [...before.filter(({ type }) => type !== 'HubReachable'), own] }
}

/** @param propagation of the version that the mirror has */
function outcomeByHub(
  { settings, mirrors, state }: Needs,
  findings: LookFindings,
  propagation: Propagation | undefined,
): Outcome {
  const { key, judgement } = findings
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
  return buildOutcome({ settings, clock: state.clock }, findings, {
    propagation,
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
