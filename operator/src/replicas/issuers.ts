// Writes `<release>-clients-issuers`: the keys of the cluster's ServiceAccount tokens, for servers, which have no access to the API.
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf'
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt'
import { PlatformIssuerSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { digestOf } from '@nauthera/proto/digest'
import type { FileSigner } from '@nauthera/proto/file-signature'
import { issuersSecretName, labels, managedByOperator, platformKeysFile } from '@nauthera/proto/names'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { nextKeys } from '../decide/status/platform-keys.ts'
import type { PlatformKeySet } from '../decide/status/platform-keys.ts'
import { isForbidden } from '../kubernetes/api-error.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { ClusterIssuer } from '../kubernetes/issuer.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { signatureIn, signedData, trustsKey } from '../shards/shard-secret.ts'
import type { TrustsFile } from '../shards/shard-secret.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'

/** The time between two reads. Milliseconds. */
const lookMs = 60_000
const askedMs = 10_000

interface IssuersNeeds {
  readonly release: string
  readonly namespace: string
  readonly secrets: SecretStore
  readonly signer: FileSigner
  /** Whether a Secret found at the start counts. */
  readonly isBelieved: TrustsFile
  /** @throws when the API server does not answer, or refuses */
  readonly read: () => Promise<ClusterIssuer>
  readonly clock: Clock
  readonly log: Log
  /** A Secret that the pods mount was written. */
  readonly onWritten: () => void
  /** `fault` changed. */
  readonly onFault: () => void
}

export class Issuers {
  readonly #needs: IssuersNeeds
  readonly #stopping = new AbortController()
  /** The last stored keys, which stay while the API server is away. */
  #told: PlatformKeySet | undefined
  #fault: string | undefined
  #hasLooked = false
  #isAsked = false
  #wake = () => {}
  #loop: Promise<void> | undefined

  constructor(needs: IssuersNeeds) {
    this.#needs = needs
  }

  /** Why the keys could not be read the last time; undefined when they were. */
  get fault(): string | undefined {
    return this.#fault
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** A replica saw an unknown key: reads again, at most once in 10 s. */
  wake(): void {
    this.#isAsked = true
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#isAsked = false
      await this.#tryLook()
      await pause(this.#needs.clock, askedMs, signal)
      if (!this.#isAsked) await this.#untilAsked(lookMs - askedMs)
    }
  }

  async #untilAsked(milliseconds: number): Promise<void> {
    const asked = new AbortController()
    this.#wake = () => asked.abort()
    await pause(this.#needs.clock, milliseconds, AbortSignal.any([this.#stopping.signal, asked.signal]))
    this.#wake = () => {}
  }

  async #tryLook(): Promise<void> {
    const before = this.#fault
    try {
      await this.#look()
      this.#fault = undefined
    } catch (error) {
      this.#fault = isForbidden(error)
        ? 'the operator may not read /openid/v1/jwks at the API server; give it the ClusterRole system:service-account-issuer-discovery, or set identityIssuers of the server'
        : describeError(error)
      if (this.#fault !== before && !this.#stopping.signal.aborted)
        this.#needs.log.warn({ error }, 'the keys of ServiceAccounts cannot be read; the last good ones stay')
    }
    if (this.#fault !== before) this.#needs.onFault()
  }

  async #look(): Promise<void> {
    const { release, namespace, secrets, signer, isBelieved, clock } = this.#needs
    const stored = await secrets.read(namespace, issuersSecretName(release))
    const found = readKeys(stored, trustsKey(signer.publicKey))
    this.#told = found ?? this.#told ?? (this.#hasLooked ? undefined : readKeys(stored, isBelieved))
    this.#hasLooked = true
    let next = this.#told
    try {
      next = nextKeys(next, await this.#needs.read(), clock.now())
    } finally {
      // also while the keys cannot be read: a starting agent only accepts a file signed by the present key
      if (next && !isDeepStrictEqual(found, next)) await this.#write(stored, next)
    }
  }

  async #write(stored: SecretObject | undefined, next: PlatformKeySet): Promise<void> {
    const { release, namespace, secrets, signer, log, onWritten } = this.#needs
    const name = issuersSecretName(release)
    const change = randomBytes(2).toString('hex')
    const bytes = Buffer.from(render(next, change))
    const wanted = {
      namespace,
      name,
      labels: { [labels.managedBy]: managedByOperator },
      annotations: {},
      data: signedData(signer, { name: platformKeysFile, bytes, digest: digestOf(bytes) }),
    }
    const outcome = stored ? await secrets.update(stored, wanted) : await secrets.create(wanted)
    // another leader wrote: the next round reads it
    if (outcome.kind === 'conflict') return this.wake()
    this.#told = next
    log.info({ change, secret: name, issuer: next.issuer, keys: next.keys.length }, 'platform keys written')
    onWritten()
  }
}

function render({ issuer, keys }: PlatformKeySet, change: string): string {
  const message = create(PlatformIssuerSchema, {
    issuer,
    change,
    keys: keys.map(({ jwk, notAfter }) => ({
      jwk: JSON.parse(JSON.stringify(jwk)),
      ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
    })),
  })
  return toJsonString(PlatformIssuerSchema, message)
}

/** @returns undefined without a Secret, or for one without our signature, which is written again */
function readKeys(secret: SecretObject | undefined, trusts: TrustsFile): PlatformKeySet | undefined {
  const bytes = Buffer.from(secret?.data?.[platformKeysFile] ?? '', 'base64')
  const file = { name: platformKeysFile, digest: digestOf(bytes) }
  if (!trusts(file, signatureIn(secret, platformKeysFile))) return undefined
  try {
    const { issuer, keys } = fromJsonString(PlatformIssuerSchema, bytes.toString('utf8'), { ignoreUnknownFields: true })
    return {
      issuer,
      keys: keys.map(({ jwk = {}, notAfter }) => ({
        jwk,
        ...(notAfter === undefined ? {} : { notAfter: timestampMs(notAfter) }),
      })),
    }
  } catch {
    return undefined
  }
}
