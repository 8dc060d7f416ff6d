import type { SectorProof } from '../decide/outcome.ts'
import type { Identity, SecretUse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { identityText } from '@nauthera/rules/identities'

type Use = Pick<SecretUse, 'namespace' | 'name' | 'secretId'> & {
  readonly lastUsed?: { readonly seconds: bigint } | undefined
}

interface IdentityUsed {
  readonly namespace: string
  readonly name: string
  readonly identity?: Identity | undefined
  readonly lastUsed?: { readonly seconds: bigint } | undefined
}

/** Which identity of each client proved it last, at whichever replica. */
export class IdentityUsage {
  readonly #last = new Map<string, { readonly identity: string; readonly at: number }>()

  /** @returns the clients that another identity proves than before */
  note(uses: readonly IdentityUsed[]): readonly string[] {
    return uses.flatMap(({ namespace, name, identity, lastUsed }) => {
      const key = `${namespace}/${name}`
      const at = Number(lastUsed?.seconds ?? 0n) * 1000
      const before = this.#last.get(key)
      if (identity === undefined || (before && before.at >= at)) return []
      this.#last.set(key, { identity: identityText(identity), at })
      return before?.identity === identityText(identity) ? [] : [key]
    })
  }

  /** @param client `namespace/name`
   *  @returns the identity in words, and epoch milliseconds */
  last(client: string): { readonly identity: string; readonly at: number } | undefined {
    return this.#last.get(client)
  }
}

interface SectorSaid {
  readonly namespace: string
  readonly name: string
  readonly generation: bigint
  readonly fault: string
  readonly at?: { readonly seconds: bigint; readonly nanos: number } | undefined
}

/** What the document of its sector said last of each client, at whichever replica. */
export class SectorProofs {
  readonly #last = new Map<string, SectorProof & { readonly at: number }>()

  /** @returns the clients of which something else is known than before */
  note(proofs: readonly SectorSaid[]): readonly string[] {
    return proofs.flatMap(({ namespace, name, generation, fault, at: time }) => {
      const key = `${namespace}/${name}`
      const at = Number(time?.seconds ?? 0n) * 1000 + (time?.nanos ?? 0) / 1e6
      const before = this.#last.get(key)
      if (before && before.at >= at) return []
      const proof = { generation: Number(generation), fault, at }
      this.#last.set(key, proof)
      return before?.fault === fault && before.generation === proof.generation ? [] : [key]
    })
  }

  /** @param client `namespace/name` */
  last(client: string): SectorProof | undefined {
    return this.#last.get(client)
  }
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
