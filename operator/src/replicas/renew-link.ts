// Plans the renewal of the status port's certificates.
import { createCertificateHolder, renewalOf } from '@nauthera/proto/certificate-source'
import {
  bundleAuthorities,
  createAuthority,
  dnsNamesOf,
  isIssuedBy,
  issueLeaf,
  splitPem,
} from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { linkDnsName, linkFiles } from '@nauthera/proto/names'

const dayMs = 86_400_000
const authorityLifetimeMs = 365 * dayMs
const linkLeafLifetimeMs = 30 * dayMs

/** The content of `<release>-link` as PEM by file name. */
export type LinkFiles = Readonly<Record<(typeof linkFiles)[keyof typeof linkFiles], string>>

/** @returns the files to write, or undefined when none is due. A new CA and its certificates come in two steps: each side must trust the
 *  CA first. */
export async function renewLink(
  current: LinkFiles | undefined,
  about: { release: string; namespace: string; now: number },
): Promise<LinkFiles | undefined> {
  const { now } = about
  if (!current || !isUsableLink(current, about)) {
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

/** @returns whether certificates and keys are valid, match, and belong to this release */
export function isUsableLink(files: LinkFiles, about: { release: string; namespace: string; now: number }): boolean {
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
