// Certificates that are replaced while connections stay open, held in memory or read from files.
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { inOneVersion } from './mounted-volume.ts'

/** What one end of a mutual TLS connection holds, as PEM. */
export interface CertificateSet {
  /** One or more CA certificates: each is trusted. */
  readonly ca: string
  /** Our leaf, followed by intermediates if there are any. */
  readonly cert: string
  readonly key: string
}

export interface CertificateSource {
  /** @returns the newest usable set; undefined before the first. */
  current(): CertificateSet | undefined
  /** Calls back at each new set. @returns how to stop that */
  onChange(listener: (set: CertificateSet) => void): () => void
}

/** Keeps the newest set in memory. `replace` refuses a set that TLS cannot use. */
export interface CertificateHolder extends CertificateSource {
  /** @throws Error when a PEM cannot be read or the key is not the certificate's */
  replace(set: CertificateSet): void
}

export function createCertificateHolder(first?: CertificateSet): CertificateHolder {
  const listeners = new Set<(set: CertificateSet) => void>()
  let current: CertificateSet | undefined
  const holder: CertificateHolder = {
    current: () => current,
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    replace: (set) => {
      // Files are nearly always unchanged, and the check is expensive: it builds a TLS context.
      if (current && sameSet(current, set)) return
      checkCertificateSet(set)
      current = set
      for (const listener of listeners) listener(set)
    },
  }
  if (first) holder.replace(first)
  return holder
}

/** @throws Error that says which part TLS could not use */
export function checkCertificateSet(set: CertificateSet): void {
  const authorities = splitPem(set.ca)
  if (authorities.length === 0) throw new Error('the CA file holds no certificate')
  for (const pem of authorities) new X509Certificate(pem)
  // TLS itself accepts an empty certificate or key, and a file is empty for a moment while it is written.
  if (set.cert === '' || set.key === '') throw new Error('the file of the certificate or of its key is empty')
  createSecureContext({ ...set })
}

/** @returns each certificate of a PEM bundle */
export function splitPem(bundle: string): string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

/** @returns from when until when the leaf is valid, epoch milliseconds */
export function validityOf(certificatePem: string): { notBefore: number; notAfter: number } {
  const certificate = new X509Certificate(certificatePem)
  return { notBefore: Date.parse(certificate.validFrom), notAfter: Date.parse(certificate.validTo) }
}

/** @returns when a leaf should be renewed, epoch milliseconds: after two thirds of its lifetime */
export function renewalOf(certificatePem: string): number {
  const { notBefore, notAfter } = validityOf(certificatePem)
  return notAfter - (notAfter - notBefore) / 3
}

/** Follows three PEM files that another process writes and renews. When files are absent, damaged or do not match (a
 *  new certificate beside an old key), the newest usable set stays.
 *  @param options.pollMs how often the files are checked for a change
 *  @param options.onFault called once for each new kind of fault, and not for files that are merely absent
 *  @returns a source that has read the files once */
export function followCertificateFiles(
  files: { ca: string; cert: string; key: string },
  options: { pollMs?: number; onFault?: (error: Error) => void } = {},
): CertificateSource & { stop(): void } {
  const holder = createCertificateHolder()
  let lastFault: string | undefined
  /** Of the files that were read last; undefined while they must be read again. */
  let lastState: string | undefined

  const look = (): void => {
    try {
      const state = stateOf(Object.values(files))
      if (state !== undefined && state === lastState) return
      lastState = undefined
      const set = inOneVersion(Object.values(files), () => ({
        ca: readFileSync(files.ca, 'utf8'),
        cert: readFileSync(files.cert, 'utf8'),
        key: readFileSync(files.key, 'utf8'),
      }))
      holder.replace(set)
      lastState = state
      lastFault = undefined
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (('code' in error && error.code === 'ENOENT') || error.message === lastFault) return
      lastFault = error.message
      options.onFault?.(error)
    }
  }
  look()
  const timer = setInterval(look, options.pollMs ?? 500)
  timer.unref()
  return {
    current: () => holder.current(),
    onChange: (listener) => holder.onChange(listener),
    stop: () => clearInterval(timer),
  }
}

/** Milliseconds. A younger file may change again without a new modification time. */
const settledMs = 1_000

/** @returns a text that changes with each change of the files; undefined when a change could be missed */
function stateOf(paths: readonly string[]): string | undefined {
  const states = paths.map((path) => statSync(path, { throwIfNoEntry: false }))
  const settled = Date.now() - settledMs
  if (!states.every((state) => state !== undefined && state.ctimeMs < settled)) return undefined
  return states.map((state) => `${state!.ino} ${state!.size} ${state!.mtimeMs} ${state!.ctimeMs}`).join()
}

function sameSet(one: CertificateSet, other: CertificateSet): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key
}
