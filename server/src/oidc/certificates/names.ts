// Whether a certificate has the name by which a client is known (RFC 8705 section 2.1.2).
import type { CertificateFacts } from '@nauthera/proto/certificate-facts'
import type { CertificateName } from '@nauthera/rules/certificates'
import { attributeOf, isSameName, parseDistinguishedName } from '@nauthera/rules/distinguished-name'

/** Whether a certificate has the name by which a client is known (RFC 8705 section 2.1.2): the whole of it, and no wildcard stands for
 *  others. */
export function hasName(facts: CertificateFacts, { kind, value }: CertificateName): boolean {
  switch (kind) {
    case 'subjectDN':
      return hasSubject(facts, value)
    case 'sanDNS':
      return facts.dnsNames.some((name) => name.toLowerCase() === value.toLowerCase())
    case 'sanURI':
      return facts.uris.includes(value) && (!isSpiffe(value) || facts.uris.length === 1)
  }
}

/** A certificate of SPIFFE has one URI alone, or it is refused (X509-SVID section 2). */
const isSpiffe = (uri: string): boolean => uri.startsWith('spiffe://')

/** A certificate has its names from the widest to the narrowest, the text of RFC 4514 the other way round. */
function hasSubject({ subject }: CertificateFacts, text: string): boolean {
  const expected = parseDistinguishedName(text)
  const names = subject.toReversed().map((name) =>
    Object.entries(name)
      .flatMap(([type, values]) => values.map((value) => attributeOf(type, value) ?? ''))
      .toSorted(),
  )
  return expected !== undefined && isSameName(names, expected)
}
