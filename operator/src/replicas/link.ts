import { join } from 'node:path'
import { createCertificateHolder, followCertificateFiles } from '@nauthera/proto/certificate-source'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { labels, linkFiles, linkSecretName, managedByOperator } from '@nauthera/proto/names'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { versionOf, writeOver } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import type { OperatorSettings } from '../settings.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import { isUsableLink, renewLink } from './renew-link.ts'
import type { LinkFiles } from './renew-link.ts'

/** The time between two steps of a renewal: a new CA is mounted everywhere long before its first certificate. Milliseconds. */
const renewMs = 3_600_000
/** How often the Secret is checked for loss and edits. Milliseconds. */
const lookMs = 60_000
const retryMs = 10_000
const askedMs = 5_000

/** The certificates with which the operator dials the status port. */
export interface Link {
  readonly certificates: CertificateSource
  /** Resolves when there are certificates to use.
   *  @param onWritten called when the pods will mount something new */
  start(onWritten: () => void): Promise<void>
  /** A pod cannot be reached: checks the Secret soon, since it may have been missing at the mount. */
  wake(): void
  stop(): Promise<void>
}

interface LinkNeeds {
  readonly settings: Pick<OperatorSettings, 'release' | 'namespace' | 'link'>
  readonly secrets: SecretStore
  /** @returns the version of a Secret; undefined when there is none */
  readonly readVersion: (namespace: string, name: string) => Promise<string | undefined>
  readonly clock: Clock
  readonly log: Log
}

/** Opens the link: with our own certificates, or with mounted ones of another issuer. */
export async function openLink(needs: LinkNeeds): Promise<Link> {
  return needs.settings.link.mode === 'existing' ? await followMountedLink(needs) : new OwnLink(needs)
}

async function followMountedLink({ settings, log }: LinkNeeds): Promise<Link> {
  const at = (file: string) => join(settings.link.directory ?? '', file)
  const files = followCertificateFiles(
    { ca: at(linkFiles.ca), cert: at(linkFiles.operatorCert), key: at(linkFiles.operatorKey) },
    { onFault: (error) => log.warn({ code: 'LINK_INVALID', error }, 'link certificates cannot be used') },
  )
  return {
    certificates: files,
    start: async () => {},
    wake: () => {},
    stop: async () => files.stop(),
  }
}

/** Creates and renews the certificates in `<release>-link`. Each minute it checks the Secret's metadata for changes. */
class OwnLink implements Link {
  readonly certificates = createCertificateHolder()
  readonly #needs: LinkNeeds
  readonly #name: string
  readonly #loop: Loop
  readonly #usable = Promise.withResolvers<void>()
  /** The content of the Secret at this version: when it is lost, it is written again with the same certificates. */
  #held: { readonly files: LinkFiles; readonly version: string } | undefined
  #renewAt = -Infinity
  #onWritten = () => {}
  #lastFault = ''

  constructor(needs: LinkNeeds) {
    this.#needs = needs
    this.#name = linkSecretName(needs.settings.release)
    this.#loop = new Loop({ clock: needs.clock, restMs: askedMs, round: () => this.#round() })
  }

  async start(onWritten: () => void): Promise<void> {
    this.#onWritten = onWritten
    this.#loop.start()
    await this.#usable.promise
  }

  wake(): void {
    this.#loop.wake()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #round(): Promise<number> {
    try {
      await this.#look()
      this.#lastFault = ''
      this.#usable.resolve()
      return lookMs
    } catch (error) {
      const fault = describeError(error)
      // Logged once, not at each try.
      if (fault !== this.#lastFault)
        this.#needs.log.warn({ secret: this.#name, error }, 'link certificates not renewed')
      this.#lastFault = fault
      return retryMs
    }
  }

  async #look(): Promise<void> {
    const { settings, secrets, readVersion, clock, log } = this.#needs
    const { release, namespace } = settings
    const isDue = clock.now() >= this.#renewAt
    if (this.#held && !isDue && (await readVersion(namespace, this.#name)) === this.#held.version) return
    const stored = await secrets.read(namespace, this.#name)
    const about = { release, namespace, now: clock.now() }
    const found = stored && readLink(stored)
    const isLost = found === undefined || !isUsableLink(found, about)
    // Lost or edited: the mounted certificates are written again.
    const held = isLost && !isDue ? this.#held?.files : undefined
    const current = isLost ? (this.#held?.files ?? found) : found
    const next = held ?? (await renewLink(current, about)) ?? (isLost ? current : undefined)
    let version = stored && versionOf(stored)
    if (next) {
      const outcome = await this.#write(stored, next)
      // After a conflict another leader has written: the next round reads it.
      if (outcome.kind === 'conflict') return await this.#look()
      version = versionOf(outcome.secret)
      log.info({ secret: this.#name, first: found === undefined, lost: isLost }, 'link certificates written')
      this.#onWritten()
    }
    const files = next ?? current!
    this.#held = { files, version: version! }
    if (isDue) this.#renewAt = clock.now() + renewMs
    this.certificates.replace({ ca: files['ca.crt'], cert: files['operator.crt'], key: files['operator.key'] })
  }

  #write(stored: SecretObject | undefined, files: LinkFiles): ReturnType<SecretStore['create']> {
    const { settings, secrets } = this.#needs
    const wanted = {
      namespace: settings.namespace,
      name: this.#name,
      labels: { [labels.managedBy]: managedByOperator },
      annotations: {},
      data: Object.fromEntries(Object.entries(files).map(([key, pem]) => [key, Buffer.from(pem).toString('base64')])),
    }
    return writeOver(secrets, stored, wanted)
  }
}

/** @returns the files of a Secret that is whole and readable, else undefined */
function readLink(secret: SecretObject): LinkFiles | undefined {
  const read = (file: keyof LinkFiles): string => Buffer.from(secret.data?.[file] ?? '', 'base64').toString('utf8')
  const files: LinkFiles = {
    'ca.crt': read('ca.crt'),
    'ca.key': read('ca.key'),
    'agent.crt': read('agent.crt'),
    'agent.key': read('agent.key'),
    'operator.crt': read('operator.crt'),
    'operator.key': read('operator.key'),
  }
  return Object.values(files).every((text) => text.includes('-----BEGIN ')) ? files : undefined
}
