// The operator's side of the link.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCertificateHolder } from '@nauthera/proto/certificate-source'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { dial } from '@nauthera/proto/channel/dial'
import { StatusService } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { linkDnsName, linkFiles } from '@nauthera/proto/names'
import type { Pod } from './agent.ts'

/** The CA of the link, and what the operator keeps of it. */
export async function createLink() {
  return { authority: await createAuthority({ name: 'link', lifetimeMs: 86_400_000 }) }
}

const leafOf = (authority: Identity, part: 'agent' | 'operator', lifetimeMs = 3_600_000) =>
  issueLeaf(authority, {
    usage: part === 'agent' ? 'server' : 'client',
    dnsNames: [linkDnsName(part, 'nauthera', 'auth')],
    lifetimeMs,
  })

/** Mounts the agent's part of the link into the pod. */
export async function mountLink(pod: Pod, authority: Identity, lifetimeMs?: number): Promise<void> {
  const leaf = await leafOf(authority, 'agent', lifetimeMs)
  await writeFile(join(pod.settings.linkDirectory, linkFiles.ca), authority.cert)
  await writeFile(join(pod.settings.linkDirectory, linkFiles.agentCert), leaf.cert)
  await writeFile(join(pod.settings.linkDirectory, linkFiles.agentKey), leaf.key)
}

/** Dials as the operator does, or as `part` with the certificate of somebody else. */
export async function dialStatus(port: number, authority: Identity, part: 'agent' | 'operator' = 'operator') {
  const leaf =
    part === 'operator'
      ? await leafOf(authority, 'operator')
      : await issueLeaf(authority, { usage: 'both', dnsNames: [linkDnsName('agent', 'nauthera', 'auth')] })
  const stream = await dial({
    method: StatusService.method.watch,
    target: { host: '127.0.0.1', port },
    certificates: createCertificateHolder({ ca: authority.cert, ...leaf }),
    serverName: linkDnsName('agent', 'nauthera', 'auth'),
  })
  const updates: StatusUpdate[] = []
  const waiting = new Set<() => void>()
  const reading = (async () => {
    for await (const update of stream) {
      updates.push(update)
      for (const check of waiting) check()
    }
  })().catch(() => undefined)
  return {
    updates,
    expect: (expectedManifestDigest: string) => stream.send({ expectedManifestDigest, operatorVersion: 'test' }),
    closed: stream.closed,
    until: (what: string, matches: (update: StatusUpdate) => boolean, timeoutMs = 50_000): Promise<StatusUpdate> =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const last = updates.at(-1)
          if (!last || !matches(last)) return
          clearTimeout(timer)
          waiting.delete(check)
          resolve(last)
        }
        const timer = setTimeout(() => {
          waiting.delete(check)
          reject(new Error(`no update within ${timeoutMs} ms: ${what}`))
        }, timeoutMs)
        waiting.add(check)
        check()
      }),
    close: async () => {
      stream.close()
      await reading
    },
  }
}
