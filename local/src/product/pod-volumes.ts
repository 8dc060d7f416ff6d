import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  issuersSecretName,
  keysSecretName,
  linkFiles,
  linkSecretName,
  manifestFile,
  manifestSecretName,
  platformKeysFile,
  shardCount,
  shardFile,
  shardSecretName,
  signatureFile,
} from '@nauthera/proto/names'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { mountVolume } from '@nauthera/stand-in/mounted-volume'
import type { MountedVolume } from '@nauthera/stand-in/mounted-volume'
import { reapDirectory } from '../processes/reaper.ts'

export interface PodVolumes {
  readonly clients: MountedVolume
  readonly link: MountedVolume
  readonly keys: MountedVolume
  stop(): void
}

/** Mounts what the chart mounts, and looks again when the pod's annotations change, as a kubelet does.
 *  @param pod.nudgeMs from a nudge to the swap of the clients, in milliseconds: see mountVolume */
export function mountPodVolumes(
  api: KubeApi,
  pod: { release: string; namespace: string; name: string; directory: string; nudgeMs: number },
): PodVolumes {
  const { release, namespace, directory, nudgeMs } = pod
  const secrets = api.resource('secrets')
  const read = (secret: string) =>
    api.store.find(secrets, namespace, secret)?.['data'] as Record<string, string> | undefined
  const shards = Array.from({ length: shardCount }, (_, shard) => ({
    secret: shardSecretName(release, shard),
    keys: [shardFile(shard), signatureFile(shardFile(shard))],
  }))
  const clients = mountVolume({
    directory: join(directory, 'clients'),
    read,
    nudgeMs,
    sources: [
      ...shards,
      { secret: manifestSecretName(release), keys: [manifestFile] },
      { secret: issuersSecretName(release), keys: [platformKeysFile, signatureFile(platformKeysFile)] },
    ],
  })
  const link = mountVolume({
    directory: join(directory, 'link'),
    read,
    sources: [{ secret: linkSecretName(release), keys: [linkFiles.ca, linkFiles.agentCert, linkFiles.agentKey] }],
  })
  const keys = mountVolume({
    directory: join(directory, 'keys'),
    read,
    sources: [{ secret: keysSecretName(release) }],
  })
  const stopFollowing = followNudges(api, pod, { clients, link })
  return {
    clients,
    link,
    keys,
    stop: () => {
      stopFollowing()
      for (const volume of [clients, link, keys]) volume.stop()
    },
  }
}

function followNudges(
  api: KubeApi,
  { release, namespace, name }: { release: string; namespace: string; name: string },
  { clients, link }: { clients: MountedVolume; link: MountedVolume },
): () => void {
  let annotations = ''
  return api.store.onChange(({ type, resource, object }) => {
    if (resource.kind === 'Secret' && object.metadata.namespace === namespace) {
      // a kubelet takes up to a minute for this; the first start of npm run dev should not
      if (object.metadata.name === linkSecretName(release)) link.nudge()
      return
    }
    if (type !== 'MODIFIED' || resource.kind !== 'Pod' || object.metadata.name !== name) return
    const next = JSON.stringify(object.metadata.annotations ?? {})
    if (next === annotations) return
    annotations = next
    clients.nudge()
    link.nudge()
  })
}

/** @returns the memory volume of the pod. Unix sockets have short names: where the checkout lies deep, it is below the temporary directory. */
export function runDirectory(directory: string): string {
  const inside = join(directory, 'run')
  if (join(inside, 'config.sock').length < 100) {
    mkdirSync(inside, { recursive: true })
    return inside
  }
  const outside = mkdtempSync(join(tmpdir(), 'nauthera-'))
  reapDirectory(outside)
  return outside
}
