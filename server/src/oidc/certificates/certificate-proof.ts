// Whether the certificate of a request proves that a program is a client (RFC 8705 section 2).
import type { CertificateName } from '@nauthera/rules/certificates'
import type { CertificateFacts } from '@nauthera/proto/certificate-facts'
import { judgeChain, timeFault } from './chain.ts'
import type { Authority, Judged } from './chain.ts'
import { hasName } from './names.ts'
import type { Presented, ShownCertificate } from './presented.ts'
import { notShown } from './refusal.ts'
import type { CertificateRefusal } from './refusal.ts'

export interface CertificateProofs {
  /** Whether a certificate of an authority can prove anything here. */
  readonly knowsAuthorities: boolean
  /** For a client that is known by a name: whether an authority gave it to this certificate. @returns why not */
  byName(presented: Presented, name: CertificateName): CertificateRefusal | undefined
  /** For a client that is known by the certificate itself; whether it is that one is seen by its thumbprint. @returns why not */
  byItself(presented: Presented): CertificateRefusal | undefined
}

/** How many judgements are remembered: to read a certificate costs more than to verify its signature. */
const mostRemembered = 1000

/** @param needs.authorities undefined where none are known */
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
    if (before && now() >= before.from && now() <= before.until) return before.facts
    const judged = judgeChain({ leaf, between }, known, now())
    if (judged.kind === 'refused') return judged.why
    if (remembered.size >= mostRemembered) remembered.delete(remembered.keys().next().value!)
    remembered.set(key, judged)
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
    byItself: (presented) =>
      presented.kind === 'certificate' ? timeFault(presented.leaf, now()) : notShown(presented),
  }
}
