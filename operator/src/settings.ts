import { listenSettings, logSettings, tracingSettings, z } from '@nauthera/runtime/settings'
import { issuerFaults } from '@nauthera/rules/issuer'
import { checkPolicySpec, isPolicySpec } from './decide/client/check-spec.ts'

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and dashes')

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

const duration = z
  .string()
  .regex(/^[1-9]\d{0,6}(s|m|h)$/, 'must be a number and s, m or h, such as 10s, 5m or 24h')
  .transform((text) => Number(text.slice(0, -1)) * units[text.slice(-1)]!)

const watch = z
  .strictObject({
    mode: z
      .enum(['cluster', 'namespaces', 'release'])
      .default('cluster')
      .describe(
        'Where OIDCClients are looked for: everywhere, in the listed namespaces, or in the namespace of the release.',
      ),
    namespaces: z.array(name).max(500).default([]).describe('The namespaces to look in; for mode namespaces only.'),
  })
  .refine((value) => value.mode !== 'namespaces' || value.namespaces.length > 0, {
    path: ['namespaces'],
    message: 'must list at least one namespace when mode is namespaces',
  })
  .prefault({})

const link = z
  .strictObject({
    mode: z
      .enum(['operator', 'existing'])
      .default('operator')
      .describe('Who makes the certificates of the status port: the operator, or somebody who mounts them here.'),
    directory: z
      .string()
      .min(1)
      .optional()
      .describe('Directory with ca.crt, operator.crt and operator.key; needed by mode existing.'),
  })
  .refine((value) => value.mode !== 'existing' || value.directory !== undefined, {
    path: ['directory'],
    message: 'is required when mode is existing',
  })
  .prefault({})

/** The settings of the operator; `docs/settings.md` is made from it. */
export const settingsSchema = z
  .strictObject({
    issuer: z
      .string()
      .superRefine((text, context) => {
        for (const message of issuerFaults(text)) context.addIssue({ code: 'custom', message })
      })
      .describe('The issuer that the servers of this release have; it goes into every Secret.'),
    release: name.describe('Name of the release; the Secrets in its namespace are named after it.'),
    namespace: name.describe('Namespace of the release.'),
    serverName: z
      .string()
      .min(1)
      .max(63)
      .default('default')
      .describe('This release serves OIDCClients with this spec.serverName.'),
    mode: z
      .enum(['hub', 'spoke'])
      .default('hub')
      .describe('spoke: another cluster, which this one has joined, has the issuer; servers and database are there.'),
    spoke: z
      .strictObject({
        cluster: name.describe('What the hub calls this cluster: the name of its OIDCCluster.'),
        kubeconfigSecret: z
          .string()
          .min(1)
          .max(253)
          .describe('Secret in the namespace of the release whose key kubeconfig leads to the hub.'),
      })
      .optional()
      .describe('The hub of a spoke; only mode spoke has it, and needs it.'),
    identity: z.string().min(1).max(253).describe('Name of this process in the Lease: the pod name.'),
    watch,
    redirectURIsFrom: z
      .boolean()
      .default(false)
      .describe(
        'Whether redirect URIs of clients may follow Ingresses and HTTPRoutes (spec.redirectURIsFrom); for watch.mode cluster only.',
      ),
    nudge: z
      .boolean()
      .default(false)
      .describe('Annotate server pods after a write, so that the kubelet refreshes their volumes at once.'),
    policy: z
      .record(z.string(), z.unknown())
      .default({})
      .superRefine((value, context) => {
        if ('selector' in value)
          context.addIssue({
            code: 'custom',
            path: ['selector'],
            message: 'is not for the baseline, which holds for every client',
          })
        for (const { path, message } of checkPolicySpec(value, '')) {
          context.addIssue({ code: 'custom', path: path.split('.').filter((part) => part !== ''), message })
        }
      })
      .transform((value) => (isPolicySpec(value) ? value : z.NEVER))
      .describe('An OIDCPolicy spec without selector that holds for every client.'),
    link,
    quietPeriod: duration
      .prefault('1h')
      .describe('With rotation.retire WhenUnused, a secret that nobody used for this long counts as unused.'),
    refusals: z
      .boolean()
      .default(true)
      .describe('Whether the status of a client says which requests in its name were refused, and why.'),
    networkPolicy: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe('NetworkPolicy of this pod, to be named when the Kubernetes API cannot be reached.'),
    management: listenSettings(9092),
    log: logSettings,
    tracing: tracingSettings,
  })
  .refine(({ mode, spoke }) => (mode === 'spoke') === (spoke !== undefined), {
    path: ['spoke'],
    message: 'is required when mode is spoke, and for no other mode',
  })

export type OperatorSettings = z.output<typeof settingsSchema>
