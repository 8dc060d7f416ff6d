// Checks of `nauthera doctor`: the issuer's address, as an application reaches it, and its certificate.
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fieldsOf } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import { paths } from '@nauthera/rules/endpoints'
import type { ServerSettings } from '../../settings.ts'
import { requestAddress } from './request-address.ts'
import type { DoctorAnswer } from './request-address.ts'
import type { Finding } from './findings.ts'

const day = 86_400_000
const renewalDays = 14

/** CA certificates that a check may trust, with their file. */
interface Trust {
  readonly file: string
  readonly ca: string
}

/** Checks that the issuer answers with its own name.
 *  @param caFile CA certificates (PEM); default: those beside the server's certificate */
export async function checkIssuer({ issuer, tls }: ServerSettings, caFile?: string): Promise<Finding[]> {
  const check = 'issuer'
  const url = `${issuer}${paths.discovery}`
  const fault = (says: string): Finding[] => [{ check, state: 'fault', says }]
  try {
    const { answer, trust } = await askBelieving(url, await trustOf(tls, caFile))
    if (answer.status !== 200)
      return fault(`${url} answers ${answer.status}, not 200; does the proxy pass the issuer's host and path on?`)
    const { issuer: told } = fieldsOf(JSON.parse(answer.body))
    if (told !== issuer)
      return fault(`${url} names another issuer (${String(told).slice(0, 200)}); is that another server?`)
    const believed =
      trust === undefined
        ? ''
        : `; no public authority knows its certificate, but ${trust.file} does: programs must trust its authority`
    return [{ check, state: 'ok', says: `${url} answers and names itself${believed}` }, ...certificateFindings(answer)]
  } catch (error) {
    const says = `${url} cannot be fetched from here: ${describeError(error)}`
    return fault(
      isUnknownAuthority(error)
        ? `${says}; for a private CA give its certificate: kubectl exec -i ... -- nauthera doctor --ca-file /dev/stdin < ca.crt`
        : says,
    )
  }
}

function certificateFindings({ certificateEnd }: DoctorAnswer): Finding[] {
  if (certificateEnd === undefined) return []
  const days = Math.floor((Date.parse(certificateEnd) - Date.now()) / day)
  const says = `the issuer's certificate is valid for ${days} more days`
  const isLate = days < renewalDays
  return [{ check: 'certificate', state: isLate ? 'warning' : 'ok', says: isLate ? `${says}; renew it` : says }]
}

/** @returns the files to trust, the CA before the certificate itself. @throws when the named file is not there */
async function trustOf(tls: ServerSettings['tls'], caFile: string | undefined): Promise<Trust[]> {
  if (caFile !== undefined) return [{ file: caFile, ca: await readFile(caFile, 'utf8') }]
  if (tls === undefined) return []
  const files = [join(dirname(tls.certFile), 'ca.crt'), tls.certFile]
  const read = files.map(async (file) => ({ file, ca: await readFile(file, 'utf8').catch(() => '') }))
  return (await Promise.all(read)).filter(({ ca }) => ca.includes('BEGIN CERTIFICATE'))
}

/** Requests with the system's CAs first.
 *  @returns the answer, and the file that was needed to trust it, if any
 *  @throws the first refusal when no file helps */
async function askBelieving(url: string, trusts: readonly Trust[]): Promise<{ answer: DoctorAnswer; trust?: Trust }> {
  try {
    return { answer: await requestAddress(url) }
  } catch (error) {
    if (!isUnknownAuthority(error)) throw error
    for (const trust of trusts) {
      const answer = await requestAddress(url, trust.ca).catch((refusal: unknown) => {
        if (isUnknownAuthority(refusal)) return undefined
        throw refusal
      })
      if (answer !== undefined) return { answer, trust }
    }
    throw error
  }
}

const unknownAuthority = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const isUnknownAuthority = (error: unknown): boolean => unknownAuthority.has(String(fieldsOf(error)['code']))
