// Compares the name of a client with those in its certificate (RFC 8705 section 2.1.2).
import type { CertificateFacts } from '@nauthera/proto/certificate-facts'
import type { CertificateName } from '@nauthera/rules/certificates'
import { attributeOf, isSameName, parseDistinguishedName } from '@nauthera/rules/distinguished-name'

/** Whether a certificate has the client's name (RFC 8705 section 2.1.2): exactly, without wildcards. */
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

/** A SPIFFE certificate must have exactly one URI (X509-SVID section 2). */
const isSpiffe = (uri: string): boolean => uri.startsWith('spiffe://')

/** Compares the subject. A certificate lists names from the widest, RFC 4514 from the narrowest. */
function hasSubject({ subject }: CertificateFacts, text: string): boolean {
  const expected = parseDistinguishedName(text)
  const names = subject.toReversed().map((name) =>
    Object.entries(name)
      .flatMap(([type, values]) => values.map((value) => attributeOf(type, value) ?? ''))
      .toSorted(),
  )
  return expected !== undefined && isSameName(names, expected)
}
