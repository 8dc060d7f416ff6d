// Writes `<release>-clients-issuers`: the keys of ServiceAccount tokens, for servers, which have no access to the API.
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { digestOf } from '@nauthera/proto/digest'
import type { FileSigner } from '@nauthera/proto/file-signature'
import { issuersSecretName, labels, managedByOperator, platformKeysFile } from '@nauthera/proto/names'
import { addNewest } from '@nauthera/runtime/add-newest'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { hasPresentKey, nextClusterKeys, publishedKeys } from '../decide/status/cluster-keys.ts'
import type { BelievedCluster, PublishedKeys, ToldKeys } from '../decide/status/cluster-keys.ts'
import { nextKeys } from '../decide/status/platform-keys.ts'
import { isForbidden } from '../kubernetes/api-error.ts'
import { writeOver } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { ClusterIssuer } from '../kubernetes/issuer.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { signedData, trustsKey } from '../shards/shard-secret.ts'
import type { TrustsFile } from '../shards/shard-secret.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import { parsePlatformFile, renderPlatformFile } from './platform-file.ts'
import type { PlatformFile } from './platform-file.ts'

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
  /** The joined clusters whose keys are believed; undefined while they are not all known. */
  readonly clusters: () => readonly BelievedCluster[] | undefined
  /** @returns the ConfigMap that a joined cluster writes; undefined when there is none
   *  @throws when the API server does not answer, or refuses */
  readonly readCluster: (name: string) => Promise<unknown>
  readonly clock: Clock
  readonly log: Log
  /** A Secret that the pods mount was written. */
  readonly onWritten: () => void
  /** `fault`, or that of a joined cluster, changed. */
  readonly onFault: () => void
}

/** Files that are remembered: a replica may still have one of them. */
const mostFiles = 16

export class Issuers {
  readonly #needs: IssuersNeeds
  readonly #loop: Loop
  /** The last stored keys, which stay while the API server is away. */
  #told: ToldKeys | undefined
  #fault: string | undefined
  #clusterFaults: ReadonlyMap<string, string> = new Map()
  /** The keys of joined clusters in each of the last files, by its digest. */
  readonly #files = new Map<string, ToldKeys['joined']>()
  #hasLooked = false

  constructor(needs: IssuersNeeds) {
    this.#needs = needs
    this.#loop = new Loop({ clock: needs.clock, restMs: askedMs, round: () => this.#round() })
  }

  /** Why the keys could not be read the last time; undefined when they were. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** What is wrong with the keys of a joined cluster. */
  clusterFault(name: string): string | undefined {
    return this.#clusterFaults.get(name)
  }

  /** @param digest of the file that a server has
   *  @returns whether keys of a joined cluster are in it that it has now */
  holdsCluster(digest: string, name: string): boolean {
    return hasPresentKey(this.#files.get(digest)?.get(name), this.#told?.joined.get(name))
  }

  start(): void {
    this.#loop.start()
  }

  /** A replica saw an unknown key: reads again, at most once in 10 s. */
  wake(): void {
    this.#loop.wake()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #round(): Promise<number> {
    const before = [this.#fault, this.#clusterFaults]
    try {
      this.#fault = await this.#look()
    } catch (error) {
      this.#fault = describeError(error)
      this.#warn(error)
    }
    if (!isDeepStrictEqual(before, [this.#fault, this.#clusterFaults])) this.#needs.onFault()
    return lookMs
  }

  /** @returns why the keys of this cluster cannot be read */
  async #look(): Promise<string | undefined> {
    const { release, namespace, secrets, signer, isBelieved } = this.#needs
    const stored = await secrets.read(namespace, issuersSecretName(release))
    const found = parsePlatformFile(stored, trustsKey(signer.publicKey))
    this.#told =
      found?.keys ?? this.#told ?? (this.#hasLooked ? undefined : parsePlatformFile(stored, isBelieved)?.keys)
    this.#hasLooked = true
    if (found) this.#recordFile(found)
    const { own, fault } = await this.#readOwn()
    const next = { own, joined: await this.#readClusters(own) }
    // also while the keys cannot be read: a starting agent only accepts a file signed by the present key
    const isNeeded = found !== undefined || next.own !== undefined || next.joined.size > 0
    if (isNeeded && !isDeepStrictEqual(found?.keys, next)) await this.#write(stored, next)
    return fault
  }

  async #readOwn(): Promise<{ readonly own: ToldKeys['own']; readonly fault: string | undefined }> {
    const own = this.#told?.own
    try {
      return { own: nextKeys(own, await this.#needs.read(), this.#needs.clock.now()), fault: undefined }
    } catch (error) {
      this.#warn(error)
      const fault = isForbidden(error)
        ? 'the operator may not read /openid/v1/jwks at the API server; give it the ClusterRole system:service-account-issuer-discovery, or set identityIssuers of the server'
        : describeError(error)
      return { own, fault }
    }
  }

  async #readClusters(own: ToldKeys['own']): Promise<ToldKeys['joined']> {
    const { clusters, clock } = this.#needs
    const joined = this.#told?.joined ?? new Map()
    const believed = clusters()
    if (believed === undefined) return joined
    const published = []
    // one after the other: nobody waits for them, and the API server has other work
    for (const one of believed) published.push({ ...one, published: await this.#readCluster(one.name) })
    const next = nextClusterKeys({ own, joined }, published, clock.now())
    this.#clusterFaults = next.faults
    return next.joined
  }

  async #readCluster(name: string): Promise<PublishedKeys> {
    try {
      return publishedKeys(await this.#needs.readCluster(name))
    } catch (error) {
      return { kind: 'unread', why: `the keys of its ServiceAccounts cannot be read: ${describeError(error)}` }
    }
  }

  /** Once, until it is well again. */
  #warn(error: unknown): void {
    if (this.#fault === undefined && !this.#loop.stopping.aborted)
      this.#needs.log.warn({ error }, 'the keys of ServiceAccounts cannot be read; the last good ones stay')
  }

  async #write(stored: SecretObject | undefined, next: ToldKeys): Promise<void> {
    const { release, namespace, secrets, signer, log, onWritten } = this.#needs
    const name = issuersSecretName(release)
    const change = randomBytes(2).toString('hex')
    const bytes = renderPlatformFile(next, change)
    const wanted = {
      namespace,
      name,
      labels: { [labels.managedBy]: managedByOperator },
      annotations: {},
      data: signedData(signer, { name: platformKeysFile, bytes, digest: digestOf(bytes) }),
    }
    const outcome = await writeOver(secrets, stored, wanted)
    // another leader wrote: the next round reads it
    if (outcome.kind === 'conflict') return this.wake()
    this.#told = next
    this.#recordFile({ keys: next, digest: digestOf(bytes) })
    const { own, joined } = next
    const about = { change, secret: name, issuer: own?.issuer, keys: own?.keys.length ?? 0, clusters: joined.size }
    log.info(about, 'platform keys written')
    onWritten()
  }

  #recordFile({ keys, digest }: PlatformFile): void {
    addNewest(this.#files, digest, keys.joined, mostFiles)
  }
}
