import type { SecretUse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

type Use = Pick<SecretUse, 'namespace' | 'name' | 'secretId'> & {
  readonly lastUsed?: { readonly seconds: bigint } | undefined
}

/** When each secret was last used, at whichever replica. It outlives the replica that said so. */
export class Usage {
  /** Epoch milliseconds, by client and id of the secret. */
  readonly #lastUsed = new Map<string, number>()

  note(uses: readonly Use[]): void {
    for (const { namespace, name, secretId, lastUsed } of uses) {
      const key = useKey(`${namespace}/${name}`, secretId)
      const at = Number(lastUsed?.seconds ?? 0n) * 1000
      if (at > (this.#lastUsed.get(key) ?? 0)) this.#lastUsed.set(key, at)
    }
  }

  /** @param client `namespace/name`
   *  @returns epoch milliseconds; undefined when nobody has told of a use */
  lastUsed(client: string, secretId: string): number | undefined {
    return this.#lastUsed.get(useKey(client, secretId))
  }
}

const useKey = (client: string, secretId: string): string => `${client} ${secretId}`
