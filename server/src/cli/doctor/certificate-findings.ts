// Checks of `nauthera doctor`: certificates of clients (docs/mutual-tls.md).
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { paths } from '@nauthera/rules/endpoints'
import { fieldsOf } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import { readAuthorities } from '../../oidc/certificates/authorities.ts'
import { certificateFiles } from '../../settings/mutual-tls.ts'
import type { MutualTlsSettings } from '../../settings/mutual-tls.ts'
import type { ServerSettings } from '../../settings.ts'
import { requestAddress } from './request-address.ts'
import type { Finding } from './findings.ts'

const check = 'client certificates'
const day = 86_400_000
const renewalDays = 14

const found = (state: Finding['state'], says: string): Finding => ({ check, state, says })

/** Checks the CA file, and the address for mutual TLS. */
export async function checkClientCertificates(settings: ServerSettings): Promise<Finding[]> {
  const { mutualTLS } = settings
  if (mutualTLS === undefined) return [found('ok', 'none are taken: mutualTLS is not configured')]
  return [
    ...(await authorityFindings(mutualTLS)),
    ...(await listenerFindings(mutualTLS, settings.tls)),
    ...(await addressFindings(mutualTLS, settings.issuer)),
  ]
}

async function authorityFindings({ caFile }: MutualTlsSettings): Promise<Finding[]> {
  if (caFile === undefined)
    return [found('ok', 'only certificates that clients have registered count: mutualTLS.caFile is not set')]
  try {
    const { usable, faults } = readAuthorities(await readFile(caFile, 'utf8'))
    const ending = usable.filter(({ certificate }) => daysLeft(certificate) < renewalDays)
    return [
      usable.length === 0
        ? found('fault', `${caFile} has no authority that may name a client`)
        : found('ok', `${usable.length} authorities may name clients (${caFile})`),
      ...faults.map((says) => found('warning', `${caFile}: ${says}`)),
      ...ending.map(({ certificate }) =>
        found('warning', `${caFile}: ${nameOf(certificate)} is valid for ${daysLeft(certificate)} more days`),
      ),
    ]
  } catch (error) {
    return [found('fault', `${caFile} cannot be used: ${describeError(error)}; the server does not start with it`)]
  }
}

async function listenerFindings({ listen }: MutualTlsSettings, tls: ServerSettings['tls']): Promise<Finding[]> {
  const file = listen && certificateFiles(listen, tls)?.certFile
  if (file === undefined) return []
  try {
    const days = daysLeft(new X509Certificate(await readFile(file)))
    const says = `our own certificate at the port for certificates is valid for ${days} more days (${file})`
    return [days < renewalDays ? found('warning', `${says}; renew it`) : found('ok', says)]
  } catch (error) {
    return [found('fault', `${file} cannot be used: ${describeError(error)}`)]
  }
}

/** Checks that the address answers; no client certificate is needed for that. */
async function addressFindings({ url }: MutualTlsSettings, issuer: string): Promise<Finding[]> {
  if (url === undefined) return []
  const address = `${url}${new URL(issuer).pathname.replace(/\/$/, '')}${paths.discovery}`
  try {
    const answer = await requestAddress(address)
    const told = answer.status === 200 ? fieldsOf(JSON.parse(answer.body))['issuer'] : undefined
    if (told === issuer) return [found('ok', `${url} leads here`)]
    return [found('warning', `${address} answers ${answer.status}, and does not name this issuer; who is there?`)]
  } catch (error) {
    const says = `${url} cannot be reached from here: ${describeError(error)}`
    return [found('warning', `${says}; that is all right where it wants a certificate, or is not known in here`)]
  }
}

const daysLeft = ({ validToDate }: X509Certificate): number => Math.floor((validToDate.getTime() - Date.now()) / day)
const nameOf = ({ subject }: X509Certificate): string => subject.replaceAll('\n', ', ')
