import { createHmac, randomBytes } from 'node:crypto'
import { createFileSigner } from '@nauthera/proto/file-signature'
import type { FileSigner } from '@nauthera/proto/file-signature'
import { labels, managedByOperator, proofSecretName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { createBackoff } from '../time/backoff.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'

/** How often the Secret is checked for loss. Milliseconds. */
const lookMs = 60_000
const file = 'key'
const keyBytes = 32

interface Needs {
  readonly secrets: Pick<SecretStore, 'read' | 'create' | 'update'>
  /** @returns the version of a Secret; undefined when there is none */
  readonly readVersion: (namespace: string, name: string) => Promise<string | undefined>
  readonly release: string
  readonly namespace: string
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
}

/** @returns the MAC function of the key */
export const macBy =
  (key: Uint8Array) =>
  (text: string): string =>
    createHmac('sha256', key).update(text).digest('base64url')

/** The key that signs proofs and the servers' files. It is created once in `<release>-clients-proof`, and is part of a backup. */
export class ProofKey {
  readonly #needs: Needs
  readonly #stopping = new AbortController()
  #loop: Promise<void> | undefined
  #signer: FileSigner | undefined

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Signs the files of the servers. @throws Error before the key is loaded */
  get signer(): FileSigner {
    if (!this.#signer) throw new Error('the key of proofs is asked before it is loaded')
    return this.#signer
  }

  /** Reads the key, or creates it; retries until that succeeds.
   *  @returns undefined when the signal has aborted */
  async load(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { clock, log, random } = this.#needs
    const backoff = createBackoff({ baseMs: 800, capMs: 30_000, random })
    while (!signal.aborted) {
      try {
        const key = await this.#readOrMake(() => randomBytes(keyBytes))
        this.#loop ??= this.#keep(key)
        this.#signer ??= createFileSigner(key)
        return key
      } catch (error) {
        const retryMs = backoff.next()
        log.warn({ error, retry: `${Math.round(retryMs)}ms` }, 'key of proofs not read')
        await pause(clock, retryMs, signal)
      }
    }
    return undefined
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
  }

  /** Writes a lost key again. A replaced key counts from the next start. */
  async #keep(key: Uint8Array): Promise<void> {
    const { clock, log, readVersion, release, namespace } = this.#needs
    const { signal } = this.#stopping
    for (;;) {
      await pause(clock, lookMs, signal)
      if (signal.aborted) return
      try {
        if ((await readVersion(namespace, proofSecretName(release))) === undefined) await this.#readOrMake(() => key)
      } catch (error) {
        log.warn({ error }, 'key of proofs not looked at')
      }
    }
  }

  async #readOrMake(make: () => Uint8Array): Promise<Uint8Array> {
    const { secrets, release, namespace, log } = this.#needs
    const name = proofSecretName(release)
    const stored = await secrets.read(namespace, name)
    const found = stored && keyOf(stored)
    if (found) return found
    const key = make()
    const wanted = {
      namespace,
      name,
      labels: { [labels.managedBy]: managedByOperator },
      annotations: {},
      data: { [file]: Buffer.from(key).toString('base64') },
    }
    const outcome = stored ? await secrets.update(stored, wanted) : await secrets.create(wanted)
    // another leader was faster
    if (outcome.kind === 'conflict') return await this.#readOrMake(make)
    log.info({ secret: name, damaged: stored !== undefined }, 'key of proofs written')
    return key
  }
}

/** @returns undefined for a damaged Secret: then a new key is created, and old proofs become invalid */
function keyOf({ data }: SecretObject): Uint8Array | undefined {
  const key = Buffer.from(data?.[file] ?? '', 'base64')
  return key.length === keyBytes ? key : undefined
}
