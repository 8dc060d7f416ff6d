// A replica as people meet it: the server's own registry, built from each shard that the operator stores.
import { parseShardFile } from '@nauthera/proto/shard-file'
import { shardCount, shardFile, shardSecretName } from '@nauthera/proto/names'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { buildRegistry } from '@nauthera/server/clients/build-registry'
import type { CheckClient } from '@nauthera/server/clients/check-client'
import { planShard } from '@nauthera/server/clients/check-shard'
import type { RegisteredClient } from '@nauthera/server/clients/registered-client'
import { createRegistry, emptyRegistry } from '@nauthera/server/clients/registry'
import type { Registry } from '@nauthera/server/clients/registry'
import { systemClocks } from '@nauthera/server/clients/verifiers'

interface Needs {
  readonly api: KubeApi
  readonly release: string
  readonly namespace: string
  readonly checkClient: CheckClient
  /** Told of each registry: such as a real server that answers by it. */
  readonly serve?: (registry: Registry) => void
}

export class ServingReplica {
  readonly #needs: Needs
  #registry: Registry = emptyRegistry()
  #work: Promise<void> = Promise.resolve()
  #isAway = false
  #isAsked = false
  readonly #known = new Map<number, string>()

  constructor(needs: Needs) {
    this.#needs = needs
  }

  find(clientId: string): RegisteredClient | undefined {
    return this.#registry.find(clientId)
  }

  /** It hears of nothing until it is back. */
  leave(): void {
    this.#isAway = true
  }

  /** @param about.anew its process was started again, and knows nothing of before */
  comeBack({ anew }: { anew: boolean }): void {
    this.#isAway = false
    if (anew) {
      this.#registry = emptyRegistry()
      this.#known.clear()
    }
    this.follow()
  }

  /** Reads what is stored now, one shard after the other. */
  follow(): void {
    if (this.#isAway || this.#isAsked) return
    this.#isAsked = true
    this.#work = this.#work.then(async () => {
      this.#isAsked = false
      for (let index = 0; index < shardCount; index++) await this.#read(index)
      const isWhole = this.#registry.shards.size === shardCount
      this.#registry = createRegistry({ ...this.#registry, isWhole })
    })
  }

  async #read(index: number): Promise<void> {
    const text = this.#textOf(index)
    if (text === undefined || text === this.#known.get(index)) return
    this.#known.set(index, text)
    const file = Buffer.from(text, 'base64')
    const { head, digest } = parseShardFile(file)
    const ref = { shard: index, seq: head.seq, digest }
    const plan = await planShard(ref, file, this.#registry.shards.get(index))
    if (plan.kind !== 'apply') return
    const { checkClient, serve } = this.#needs
    const shard = { ref, clients: plan.clients }
    this.#registry = (await buildRegistry(this.#registry, shard, { checkClient, clocks: systemClocks })).registry
    serve?.(this.#registry)
  }

  #textOf(index: number): string | undefined {
    const { api, release, namespace } = this.#needs
    const object = api.store.find(api.resource('secrets'), namespace, shardSecretName(release, index)) as
      (KubeObject & { data?: Record<string, string> }) | undefined
    return object?.data?.[shardFile(index)]
  }
}
