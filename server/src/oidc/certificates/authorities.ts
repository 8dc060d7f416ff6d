// Loads the CAs for client certificates from a file, and follows its changes.
import { X509Certificate, createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { splitPem } from '@nauthera/proto/certificate-source'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import { authorityFault, tryFacts } from './chain.ts'
import type { Authority } from './chain.ts'

export interface Authorities {
  /** The same list until the file changes. */
  current(): readonly Authority[]
  stop(): void
}

/** Milliseconds. */
const rereadEvery = 60_000
const mostAuthorities = 100

/** @returns the CAs in the text, and the fault of each unusable one
 *  @throws Error for none, too many or an unreadable one */
export function readAuthorities(pem: string): {
  readonly usable: readonly Authority[]
  readonly faults: readonly string[]
} {
  const all = splitPem(pem)
  if (all.length === 0 || all.length > mostAuthorities)
    throw new Error(`it must have between 1 and ${mostAuthorities} certificates (PEM)`)
  const read = all.map((one) => {
    const certificate = new X509Certificate(one)
    const facts = tryFacts(certificate)
    return { certificate, facts, fault: facts ? authorityFault(certificate, facts) : 'cannot be read' }
  })
  return {
    usable: read.flatMap(({ certificate, facts, fault }) => (facts && !fault ? [{ certificate, facts }] : [])),
    faults: read.flatMap(({ certificate, fault }) => (fault ? [`${nameOf(certificate)} ${fault}`] : [])),
  }
}

const nameOf = ({ subject, serialNumber }: X509Certificate): string =>
  subject ? subject.replaceAll('\n', ', ') : `serial number ${serialNumber}`

/** @throws CodedError TLS_FILE_INVALID when the file is unusable at the start; later the last good CAs stay */
export async function followAuthorities(
  file: string,
  { log, everyMs = rereadEvery }: { readonly log: Log; readonly everyMs?: number },
): Promise<Authorities> {
  let digest = ''
  let known: readonly Authority[] = []
  const read = async () => {
    const pem = await readFile(file, 'utf8')
    const next = createHash('sha256').update(pem).digest('hex')
    if (next === digest) return
    const { usable, faults } = readAuthorities(pem)
    for (const fault of faults) log.warn({ file, fault }, 'an authority of clients names nobody')
    known = usable
    digest = next
    log.info({ file, authorities: known.length }, 'the authorities of clients are read')
  }
  await read().catch((cause: unknown) => {
    throw new CodedError('TLS_FILE_INVALID', { cause, message: `${file}: the authorities of clients cannot be read` })
  })
  const again = () =>
    void read().catch((error: unknown) =>
      log.warn({ file, error }, 'the new authorities of clients cannot be used; the old ones stay in use'),
    )
  const timer = setInterval(again, everyMs)
  timer.unref()
  return { current: () => known, stop: () => clearInterval(timer) }
}
