import { hostname } from 'node:os'
import { podPaths } from '@nauthera/proto/names'
import { listenSettings, logSettings, tracingSettings, z } from '@nauthera/runtime/settings'

export const settingsSchema = z.strictObject({
  release: z
    .string()
    .min(1)
    .describe('Name of the Helm release; part of the names in the certificates of the status port.'),
  namespace: z.string().min(1).describe('Namespace of the release.'),
  replica: z
    .string()
    .min(1)
    .optional()
    .transform((name) => name ?? hostname())
    .describe('Name of the pod, as the operator sees it; default: the host name.'),
  clientsDirectory: z.string().min(1).default(podPaths.clients).describe('Where the client shards are mounted.'),
  linkDirectory: z
    .string()
    .min(1)
    .default(podPaths.link)
    .describe('Where ca.crt, agent.crt and agent.key of the status port are mounted. They may appear later.'),
  stateDirectory: z
    .string()
    .min(1)
    .default('/run/nauthera/last-good')
    .describe('Where the last good snapshot is kept, for the agent after a restart; a memory volume.'),
  config: z
    .strictObject({
      socket: z
        .string()
        .min(1)
        .default(podPaths.configSocket)
        .describe('Unix socket on which the server of this pod listens.'),
      tlsDirectory: z
        .string()
        .min(1)
        .default(podPaths.configTls)
        .describe('Where the agent writes the certificates for that socket; a memory volume shared with the server.'),
    })
    .prefault({}),
  status: listenSettings(9443),
  management: listenSettings(9091),
  log: logSettings,
  tracing: tracingSettings,
})

export type AgentSettings = z.output<typeof settingsSchema>
