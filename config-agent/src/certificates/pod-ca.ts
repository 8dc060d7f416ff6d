import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCertificateHolder } from '@nauthera/proto/certificate-source'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import {
  bundleAuthorities,
  createAuthority,
  issueLeaf,
  leafLifetimeMs,
  renewalOf,
  splitPem,
  validityOf,
} from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { configTlsFiles, podLocalNames } from '@nauthera/proto/names'
import { writeFileAtomically } from '../write-file.ts'

/** The lifetime of a CA, in lifetimes of a leaf. */
const authorityLeaves = 30

export interface PodCa {
  /** The agent's own end: its leaf and key never touch a disk. */
  readonly certificates: CertificateSource
  /** When the leaves expire, epoch milliseconds. */
  expiry(): number
  /** Renews each certificate after two thirds of its lifetime, and writes the server's files.
   *  @returns what was renewed
   *  @throws an error when the files cannot be written; the next call tries again */
  renewDue(): Promise<'nothing' | 'leaves' | 'authority'>
}

/** Makes the CA that only this pod trusts. Its key stays in memory; in the directory are the bundle, and the server's
 *  leaf and key. The bundle also has the previous CA, for the lifetime of one leaf: a server keeps its connection when the agent restarts.
 *  @param options.lifetimeMs of a leaf; 24 h
 *  @param options.now epoch milliseconds */
export async function createPodCa(options: {
  directory: string
  lifetimeMs?: number
  now: () => number
}): Promise<PodCa> {
  const { directory, now } = options
  const lifetimeMs = options.lifetimeMs ?? leafLifetimeMs
  const holder = createCertificateHolder()
  const path = (part: keyof typeof configTlsFiles): string => join(directory, configTlsFiles[part])
  await mkdir(directory, { recursive: true })

  let authority: Identity | undefined
  let leaves: { server: Identity; agent: Identity } | undefined
  let previous: { cert: string; until: number }[] = []
  const [found] = splitPem(await readFile(path('ca'), 'utf8').catch(() => ''))
  if (found !== undefined) previous = [{ cert: found, until: now() + lifetimeMs }]

  const renewDue = async (): Promise<'nothing' | 'leaves' | 'authority'> => {
    const isDue = (identity: Identity | undefined): boolean => !identity || now() >= renewalOf(identity.cert)
    const isAuthorityDue = isDue(authority)
    if (!isAuthorityDue && !isDue(leaves?.server)) return 'nothing'

    const nextAuthority = isAuthorityDue
      ? await createAuthority({ name: 'nauthera pod', lifetimeMs: lifetimeMs * authorityLeaves, now: now() })
      : authority!
    const issue = (usage: 'server' | 'client', name: string): Promise<Identity> =>
      issueLeaf(nextAuthority, { usage, dnsNames: [name], lifetimeMs, now: now() })
    const next = {
      server: await issue('server', podLocalNames.server),
      agent: await issue('client', podLocalNames.agent),
    }
    const kept = previous.filter(({ until }) => until > now())
    if (isAuthorityDue && authority) kept.push({ cert: authority.cert, until: now() + lifetimeMs })
    const ca = bundleAuthorities(
      nextAuthority.cert,
      kept.map(({ cert }) => cert),
      now(),
    )

    // A reader sees the new CA before a leaf of it, and takes key and leaf only once they belong together.
    await writeFileAtomically(path('ca'), ca, 0o644)
    await writeFileAtomically(path('key'), next.server.key, 0o600)
    await writeFileAtomically(path('cert'), next.server.cert, 0o644)
    authority = nextAuthority
    leaves = next
    previous = kept
    holder.replace({ ca, ...next.agent })
    return isAuthorityDue ? 'authority' : 'leaves'
  }
  await renewDue()
  return { certificates: holder, expiry: () => validityOf(leaves!.agent.cert).notAfter, renewDue }
}
