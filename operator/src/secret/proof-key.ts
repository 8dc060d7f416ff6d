import { createHmac, randomBytes } from 'node:crypto'
import { createFileSigner } from '@nauthera/proto/file-signature'
import type { FileSigner } from '@nauthera/proto/file-signature'
import { labels, managedByOperator, proofSecretName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { writeOver } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import { tryUntilDone } from '../time/try-until-done.ts'

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
  readonly #loop: Loop
  #key: Uint8Array | undefined
  #signer: FileSigner | undefined

  constructor(needs: Needs) {
    this.#needs = needs
    this.#loop = new Loop({ clock: needs.clock, firstMs: lookMs, round: () => this.#restore() })
  }

  /** Signs the files of the servers. @throws Error before the key is loaded */
  get signer(): FileSigner {
    if (!this.#signer) throw new Error('the key of proofs is asked before it is loaded')
    return this.#signer
  }

  /** Reads the key, or creates it; retries until that succeeds.
   *  @returns undefined when the signal has aborted */
  async load(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const readOrMake = () => this.#readOrMake(() => randomBytes(keyBytes))
    const key = await tryUntilDone(readOrMake, { ...this.#needs, failed: 'key of proofs not read' }, signal)
    if (key === undefined) return undefined
    this.#key = key
    this.#signer = createFileSigner(key)
    this.#loop.start()
    return key
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  /** Writes a lost key again. A replaced key counts from the next start. */
  async #restore(): Promise<number> {
    const { log, readVersion, release, namespace } = this.#needs
    try {
      const isLost = (await readVersion(namespace, proofSecretName(release))) === undefined
      if (isLost) await this.#readOrMake(() => this.#key!)
    } catch (error) {
      log.warn({ error }, 'key of proofs not looked at')
    }
    return lookMs
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
    const outcome = await writeOver(secrets, stored, wanted)
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
