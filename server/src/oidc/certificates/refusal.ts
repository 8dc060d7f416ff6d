// The reasons to refuse a certificate.
import type { Presented, ShownCertificate } from './presented.ts'

/** Why a certificate is refused, as in the audit log only. */
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

/** The refusal when there is no usable certificate. */
export const notShown = ({ kind }: Exclude<Presented, ShownCertificate>): CertificateRefusal =>
  kind === 'none' ? 'no-certificate' : 'unreadable-certificate'
