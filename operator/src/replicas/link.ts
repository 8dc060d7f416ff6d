import { createCertificateHolder, renewalOf } from '@nauthera/proto/certificate-source'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import {
  bundleAuthorities,
  createAuthority,
  dnsNamesOf,
  isIssuedBy,
  issueLeaf,
  splitPem,
} from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { labels, linkDnsName, linkFiles, linkSecretName, managedByOperator } from '@nauthera/proto/names'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import type { SecretStore, WantedSecret } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'

const dayMs = 86_400_000
const authorityLifetimeMs = 365 * dayMs
const linkLeafLifetimeMs = 30 * dayMs
/** A new CA is mounted everywhere long before a leaf of it is used: one step a look. */
const lookMs = 3_600_000
const retryMs = 10_000

/** The content of `<release>-link` as PEM by file name. */
export type LinkFiles = Readonly<Record<(typeof linkFiles)[keyof typeof linkFiles], string>>

export interface Link {
  readonly certificates: CertificateSource
  /** Makes or renews the Secret until it is usable, then looks at it each hour. Resolves after the first success. */
  start(): Promise<void>
  /** Looks now: somebody may have deleted or edited it. */
  check(): Promise<void>
  stop(): Promise<void>
}

/** Makes and renews the certificates of the status port.
 *  @param options.onWritten the pods mount something new */
export function createLink(options: {
  secrets: SecretStore
  release: string
  namespace: string
  clock: Clock
  log: Log
  onWritten: () => void
}): Link {
  const { secrets, release, namespace, clock, log } = options
  const name = linkSecretName(release)
  const holder = createCertificateHolder()
  const stopping = new AbortController()
  let loop: Promise<void> | undefined
  let checking: Promise<void> | undefined

  const write = async (stored: SecretObject | undefined, files: LinkFiles) => {
    const wanted: WantedSecret = {
      namespace,
      name,
      labels: { [labels.managedBy]: managedByOperator },
      annotations: {},
      data: Object.fromEntries(Object.entries(files).map(([key, pem]) => [key, Buffer.from(pem).toString('base64')])),
    }
    return stored ? await secrets.update(stored, wanted) : await secrets.create(wanted)
  }

  const look = async () => {
    const stored = await secrets.read(namespace, name)
    const current = stored && readLink(stored)
    const next = await renewLink(current, { release, namespace, now: clock.now() })
    if (next) {
      const outcome = await write(stored, next)
      // A conflict is another leader's write; the next look reads it.
      if (outcome.kind === 'conflict') return await look()
      log.info({ secret: name, first: current === undefined }, 'link written')
      options.onWritten()
    }
    const files = next ?? current!
    holder.replace({ ca: files['ca.crt'], cert: files['operator.crt'], key: files['operator.key'] })
  }
  const check = (): Promise<void> => {
    checking ??= look().finally(() => {
      checking = undefined
    })
    return checking
  }

  const run = async (first: () => void) => {
    let lastFault = ''
    while (!stopping.signal.aborted) {
      let waitMs = lookMs
      try {
        await check()
        lastFault = ''
        first()
      } catch (error) {
        if (describeError(error) !== lastFault) log.warn({ secret: name, error }, 'link failed')
        lastFault = describeError(error)
        waitMs = retryMs
      }
      await pause(clock, waitMs, stopping.signal)
    }
  }

  return {
    certificates: holder,
    start: () =>
      new Promise((resolve) => {
        loop ??= run(resolve)
      }),
    check,
    stop: async () => {
      stopping.abort()
      await loop
    },
  }
}

/** @returns the files of a Secret that is whole and readable, else undefined */
function readLink(secret: SecretObject): LinkFiles | undefined {
  const files = {} as Record<keyof LinkFiles, string>
  for (const file of Object.values(linkFiles)) {
    const text = Buffer.from(secret.data?.[file] ?? '', 'base64').toString('utf8')
    if (!text.includes('-----BEGIN ')) return undefined
    files[file] = text
  }
  return files
}

/** @returns what to write now, or undefined when all is well. A new CA and leaves of it never come in one step, so that
 *  each side trusts a CA before it meets a leaf of it. */
export async function renewLink(
  current: LinkFiles | undefined,
  about: { release: string; namespace: string; now: number },
): Promise<LinkFiles | undefined> {
  const { now } = about
  if (!current || !isUsable(current, about)) {
    const authority = await makeAuthority(about)
    const before = current ? [current['ca.crt']] : []
    return { ...ofAuthority(authority, before, now), ...(await makeLeaves(authority, about)) }
  }
  const newest = splitPem(current['ca.crt'])[0]!
  if (now >= renewalOf(newest)) {
    return { ...current, ...ofAuthority(await makeAuthority(about), [current['ca.crt']], now) }
  }
  const leaves = [current['agent.crt'], current['operator.crt']]
  const leafIsOld = (leaf: string) => now >= renewalOf(leaf) || !isIssuedBy(leaf, newest)
  if (!leaves.some(leafIsOld)) return undefined
  return { ...current, ...(await makeLeaves({ cert: newest, key: current['ca.key'] }, about)) }
}

const makeAuthority = (about: { release: string; namespace: string; now: number }): Promise<Identity> =>
  createAuthority({
    name: `nauthera link ${about.namespace}/${about.release}`,
    lifetimeMs: authorityLifetimeMs,
    now: about.now,
  })

const ofAuthority = (authority: Identity, before: readonly string[], now: number) => ({
  'ca.crt': bundleAuthorities(authority.cert, before, now),
  'ca.key': authority.key,
})

async function makeLeaves(authority: Identity, about: { release: string; namespace: string; now: number }) {
  const issue = (part: 'agent' | 'operator', usage: 'server' | 'client') =>
    issueLeaf(authority, {
      usage,
      dnsNames: [linkDnsName(part, about.release, about.namespace)],
      lifetimeMs: linkLeafLifetimeMs,
      now: about.now,
    })
  const [agent, operator] = await Promise.all([issue('agent', 'server'), issue('operator', 'client')])
  return {
    'agent.crt': agent.cert,
    'agent.key': agent.key,
    'operator.crt': operator.cert,
    'operator.key': operator.key,
  }
}

function isUsable(files: LinkFiles, about: { release: string; namespace: string; now: number }): boolean {
  try {
    createCertificateHolder({ ca: files['ca.crt'], cert: files['operator.crt'], key: files['operator.key'] })
    createCertificateHolder({ ca: files['ca.crt'], cert: files['agent.crt'], key: files['agent.key'] })
    const newest = splitPem(files['ca.crt'])[0]!
    // A key that is not the CA's would issue leaves that nobody trusts.
    createCertificateHolder({ ca: newest, cert: newest, key: files['ca.key'] })
    const { release, namespace } = about
    return (['agent', 'operator'] as const).every((part) =>
      dnsNamesOf(files[linkFiles[`${part}Cert`]]).includes(linkDnsName(part, release, namespace)),
    )
  } catch {
    return false
  }
}
