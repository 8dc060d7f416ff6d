// What Argo CD and Flux should make of an object: the health checks of examples/gitops are tried with these.
import type { KubeObject } from '@nauthera/stand-in/objects'

export type ShownHealth = 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended'

/** Each reason with which a condition that Ready waits for does not hold, and the health that it is. */
export const healthOfReason: Readonly<Record<string, ShownHealth>> = {
  InvalidSpec: 'Degraded',
  TooLarge: 'Degraded',
  ClientIDConflict: 'Degraded',
  NotJudged: 'Degraded',
  PolicyViolation: 'Degraded',
  NotGranted: 'Degraded',
  NotServed: 'Degraded',
  NameTaken: 'Degraded',
  TemplateInvalid: 'Degraded',
  NamespaceTerminating: 'Degraded',
  SecretEnded: 'Degraded',
  TooManySecrets: 'Progressing',
  IssuerUnreadable: 'Degraded',
  RejectedByServer: 'Degraded',
  SecretLost: 'Progressing',
  SecretUnreadable: 'Progressing',
  StatusUnreachable: 'Progressing',
  ReplicasLagging: 'Progressing',
  WaitingForReplicas: 'Progressing',
  WaitingForSecret: 'Progressing',
  NotRendered: 'Progressing',
}

export interface HealthCase {
  readonly title: string
  readonly object: KubeObject
  readonly health: ShownHealth
}

interface Said {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly observedGeneration?: number
}

const objectOf = (kind: string, status: unknown): KubeObject =>
  ({
    apiVersion: 'auth.nauthera.io/v1alpha1',
    kind,
    metadata: { name: 'app', namespace: 'demo', generation: 2 },
    ...(status === undefined ? {} : { status }),
  }) as KubeObject
const client = (observedGeneration: number, ...conditions: Said[]) =>
  objectOf('OIDCClient', {
    observedGeneration,
    conditions: conditions.map((said) => ({ ...said, message: 'as it is' })),
  })
const policy = (status: string, observedGeneration = 2) =>
  objectOf('OIDCPolicy', {
    releases: [
      { conditions: [{ type: 'Accepted', status, reason: 'Accepted', message: 'as it is', observedGeneration }] },
    ],
  })
const isReady: Said = { type: 'Ready', status: 'True', reason: 'Ready' }

export const healthCases: readonly HealthCase[] = [
  { title: 'a client that nobody has seen', object: objectOf('OIDCClient', undefined), health: 'Progressing' },
  { title: 'a client with an empty status', object: objectOf('OIDCClient', {}), health: 'Progressing' },
  { title: 'a client whose change nobody has seen', object: client(1, isReady), health: 'Progressing' },
  { title: 'a client that is Ready', object: client(2, isReady), health: 'Healthy' },
  {
    title: 'a client that is Ready and suspended',
    object: client(2, { type: 'Active', status: 'False', reason: 'Suspended' }, isReady),
    health: 'Suspended',
  },
  ...Object.entries(healthOfReason).map(([reason, health]) => ({
    title: `a client that is not Ready: ${reason}`,
    object: client(2, { type: 'Ready', status: reason === 'StatusUnreachable' ? 'Unknown' : 'False', reason }),
    health,
  })),
  { title: 'a policy that nobody has read', object: objectOf('OIDCPolicy', undefined), health: 'Progressing' },
  { title: 'a policy whose change nobody has read', object: policy('True', 1), health: 'Progressing' },
  { title: 'a policy that is accepted', object: policy('True'), health: 'Healthy' },
  { title: 'a policy that is wrong', object: policy('False'), health: 'Degraded' },
]
