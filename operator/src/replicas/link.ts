import { join } from 'node:path'
import { createCertificateHolder, followCertificateFiles } from '@nauthera/proto/certificate-source'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { labels, linkFiles, linkSecretName, managedByOperator } from '@nauthera/proto/names'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import type { Settings } from '../settings.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import { renewLink } from './renew-link.ts'
import type { LinkFiles } from './renew-link.ts'

/** One step in each look, so that a new CA is mounted everywhere long before a certificate of it is used. Milliseconds. */
const lookMs = 3_600_000
const retryMs = 10_000

/** The certificates with which the operator dials the status port. */
export interface Link {
  readonly certificates: CertificateSource
  /** Resolves when there are certificates to use.
   *  @param onWritten the pods mount something new */
  start(onWritten: () => void): Promise<void>
  stop(): Promise<void>
}

interface LinkNeeds {
  readonly settings: Pick<Settings, 'release' | 'namespace' | 'link'>
  readonly secrets: SecretStore
  readonly clock: Clock
  readonly log: Log
}

/** Made by us, or mounted by somebody else. */
export async function openLink(needs: LinkNeeds): Promise<Link> {
  return needs.settings.link.mode === 'existing' ? await followMountedLink(needs) : new OwnLink(needs)
}

async function followMountedLink({ settings, log }: LinkNeeds): Promise<Link> {
  const at = (file: string) => join(settings.link.directory ?? '', file)
  const files = await followCertificateFiles(
    { ca: at(linkFiles.ca), cert: at(linkFiles.operatorCert), key: at(linkFiles.operatorKey) },
    { onFault: (error) => log.warn({ code: 'LINK_INVALID', error }, 'link certificates cannot be used') },
  )
  return {
    certificates: files,
    start: async () => {},
    stop: async () => files.stop(),
  }
}

/** Makes the certificates in `<release>-link` and renews them: looks at once until they can be used, then each hour. */
class OwnLink implements Link {
  readonly certificates = createCertificateHolder()
  readonly #needs: LinkNeeds
  readonly #name: string
  readonly #stopping = new AbortController()
  readonly #usable = Promise.withResolvers<void>()
  #loop: Promise<void> | undefined
  #lastFault = ''

  constructor(needs: LinkNeeds) {
    this.#needs = needs
    this.#name = linkSecretName(needs.settings.release)
  }

  async start(onWritten: () => void): Promise<void> {
    this.#loop ??= this.#run(onWritten)
    await this.#usable.promise
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
  }

  async #run(onWritten: () => void): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const isWell = await this.#tryLook(onWritten)
      await pause(this.#needs.clock, isWell ? lookMs : retryMs, signal)
    }
  }

  async #tryLook(onWritten: () => void): Promise<boolean> {
    try {
      await this.#look(onWritten)
      this.#lastFault = ''
      this.#usable.resolve()
      return true
    } catch (error) {
      const fault = describeError(error)
      // Told once, not at each try.
      if (fault !== this.#lastFault)
        this.#needs.log.warn({ secret: this.#name, error }, 'link certificates not renewed')
      this.#lastFault = fault
      return false
    }
  }

  async #look(onWritten: () => void): Promise<void> {
    const { settings, secrets, clock, log } = this.#needs
    const { release, namespace } = settings
    const stored = await secrets.read(namespace, this.#name)
    const current = stored && readLink(stored)
    const next = await renewLink(current, { release, namespace, now: clock.now() })
    if (next) {
      const outcome = await this.#write(stored, next)
      // A conflict is another leader's write; the next look reads it.
      if (outcome.kind === 'conflict') return await this.#look(onWritten)
      log.info({ secret: this.#name, first: current === undefined }, 'link certificates written')
      onWritten()
    }
    const files = next ?? current!
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
    return stored ? secrets.update(stored, wanted) : secrets.create(wanted)
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
