// Authenticates a client by its certificate (RFC 8705 section 2).
import type { CertificateName } from '@nauthera/rules/certificates'
import { weakKeyFault } from '@nauthera/rules/weak-keys'
import { addNewest } from '@nauthera/runtime/add-newest'
import type { CertificateFacts } from '@nauthera/proto/certificate-facts'
import { judgeChain, timeFault } from './chain.ts'
import type { Authority, Judged } from './chain.ts'
import { hasName } from './names.ts'
import type { Presented, ShownCertificate } from './presented.ts'
import { notShown } from './refusal.ts'
import type { CertificateRefusal } from './refusal.ts'

export interface CertificateProofs {
  /** Whether there are CAs for client certificates. */
  readonly knowsAuthorities: boolean
  /** For tls_client_auth: checks chain and name. @returns why it is refused */
  byName(presented: Presented, name: CertificateName): CertificateRefusal | undefined
  /** For self_signed_tls_client_auth; the caller compares the thumbprint. @returns why it is refused */
  byItself(presented: Presented): CertificateRefusal | undefined
}

/** The size of the cache: parsing a certificate costs more than verifying its signature. */
const mostRemembered = 1000

/** @param needs.authorities undefined without CAs */
export function createCertificateProofs(needs: {
  readonly authorities: (() => readonly Authority[]) | undefined
  /** Epoch milliseconds. */
  readonly now: () => number
}): CertificateProofs {
  const { authorities, now } = needs
  let remembered = new Map<string, Judged & { kind: 'trusted' }>()
  let of: readonly Authority[] = []

  const judge = ({ leaf, between }: ShownCertificate): CertificateFacts | CertificateRefusal => {
    const known = authorities?.() ?? []
    if (known !== of) [of, remembered] = [known, new Map()]
    const key = leaf.fingerprint256
    const before = remembered.get(key)
    if (before && now() <= before.until) return before.facts
    const judged = judgeChain({ leaf, between }, known, now())
    if (judged.kind === 'refused') return judged.why
    addNewest(remembered, key, judged, mostRemembered)
    return judged.facts
  }

  return {
    knowsAuthorities: authorities !== undefined,
    byName(presented, name) {
      if (presented.kind !== 'certificate') return notShown(presented)
      const facts = judge(presented)
      if (typeof facts === 'string') return facts
      if (presented.isDoubted) return 'doubted-by-proxy'
      return hasName(facts, name) ? undefined : 'wrong-name'
    },
    byItself(presented) {
      if (presented.kind !== 'certificate') return notShown(presented)
      const { leaf } = presented
      return timeFault(leaf, now()) ?? (weakKeyFault(leaf.publicKey) === undefined ? undefined : 'weak-certificate')
    },
  }
}
