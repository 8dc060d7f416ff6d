// `<release>-clients-issuers`: what signs the tokens of this cluster's ServiceAccounts, for the servers, none of which talks to the API.
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf'
import type { JsonObject } from '@bufbuild/protobuf'
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

/** Between two reads; and at least, when replicas meet a key that nobody has told them. Milliseconds. */
const lookMs = 60_000
const askedMs = 10_000

interface IssuersNeeds {
  readonly release: string
  readonly namespace: string
  readonly secrets: SecretStore
  readonly signer: FileSigner
  /** Whether what is found at the first look is an operator's of before. */
  readonly isBelieved: TrustsFile
  /** @throws when the API server does not say, or not to us */
  readonly read: () => Promise<ClusterIssuer>
  readonly clock: Clock
  readonly log: Log
  /** The pods mount something new. */
  readonly onWritten: () => void
  /** Whether the keys can be read has changed. */
  readonly onFault: () => void
}

export class Issuers {
  readonly #needs: IssuersNeeds
  readonly #stopping = new AbortController()
  /** What was stored last, so that an API server that is away for a while takes nothing away. */
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

  /** A replica has met a key that it does not have: reads again, at most once in 10 s. */
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
      // also while nobody says what they are: an agent that starts takes none that are not signed by the key of now
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
    // another leader's write: the next look reads it
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
      jwk: JSON.parse(JSON.stringify(jwk)) as JsonObject,
      ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
    })),
  })
  return toJsonString(PlatformIssuerSchema, message)
}

/** @returns undefined without a Secret, and for one that somebody else wrote: what it says never counts, and it is written anew */
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
