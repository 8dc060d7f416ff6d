// The words in which a certificate is refused.
import type { Presented, ShownCertificate } from './presented.ts'

/** Why a certificate proves no client: these words stand in the audit log, and nowhere else. */
export type CertificateRefusal =
  | 'no-certificate'
  | 'unreadable-certificate'
  | 'expired-certificate'
  | 'certificate-not-yet-valid'
  | 'unknown-issuer'
  | 'unusable-issuer'
  | 'not-for-clients'
  | 'weak-certificate'
  | 'doubted-by-proxy'
  | 'wrong-name'
  | 'wrong-thumbprint'

/** Why what shows no certificate proves nothing. */
export const notShown = ({ kind }: Exclude<Presented, ShownCertificate>): CertificateRefusal =>
  kind === 'none' ? 'no-certificate' : 'unreadable-certificate'
