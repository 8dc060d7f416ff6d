import type { Identity, SecretUse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { identityText } from '@nauthera/rules/identities'
import { oidcScopes } from '@nauthera/rules/scopes'
import { lacksProtection, scopesLeftOut } from '../decide/status/code-protection.ts'
import type { CodeUse, SectorProof } from '../decide/status/outcome.ts'

type Use = Pick<SecretUse, 'namespace' | 'name' | 'secretId'> & {
  readonly lastUsed?: { readonly seconds: bigint } | undefined
}

interface IdentityUsed {
  readonly namespace: string
  readonly name: string
  readonly identity?: Identity | undefined
  readonly lastUsed?: { readonly seconds: bigint } | undefined
}

/** What is known of each client, by `namespace/name`. */
class ByClient<Known> {
  protected readonly known = new Map<string, Known>()

  /** Forgets the clients that are gone. */
  keepOnly(isKnown: (client: string) => boolean): void {
    for (const client of this.known.keys()) if (!isKnown(client)) this.known.delete(client)
  }

  /** It is gone, or another one has its name. */
  forget(client: string): void {
    this.known.delete(client)
  }
}

/** Which identity of each client proved it last, at whichever replica. */
export class IdentityUsage extends ByClient<{ readonly identity: string; readonly at: number }> {
  /** @returns the clients that another identity proves than before */
  record(uses: readonly IdentityUsed[]): readonly string[] {
    return uses.flatMap(({ namespace, name, identity, lastUsed }) => {
      const key = `${namespace}/${name}`
      const at = Number(lastUsed?.seconds ?? 0n) * 1000
      const before = this.known.get(key)
      if (identity === undefined || (before && before.at >= at)) return []
      this.known.set(key, { identity: identityText(identity), at })
      return before?.identity === identityText(identity) ? [] : [key]
    })
  }

  /** @param client `namespace/name`
   *  @returns the identity in words, and epoch milliseconds */
  last(client: string): { readonly identity: string; readonly at: number } | undefined {
    return this.known.get(client)
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
export class SectorProofs extends ByClient<SectorProof & { readonly at: number }> {
  /** @returns the clients of which something else is known than before */
  record(proofs: readonly SectorSaid[]): readonly string[] {
    return proofs.flatMap(({ namespace, name, generation, fault, at: time }) => {
      const key = `${namespace}/${name}`
      const at = Number(time?.seconds ?? 0n) * 1000 + (time?.nanos ?? 0) / 1e6
      const before = this.known.get(key)
      if (before && before.at >= at) return []
      const proof = { generation: Number(generation), fault, at }
      this.known.set(key, proof)
      return before?.fault === fault && before.generation === proof.generation ? [] : [key]
    })
  }

  /** @param client `namespace/name` */
  last(client: string): SectorProof | undefined {
    return this.known.get(client)
  }
}

interface CodeUseSaid {
  readonly namespace: string
  readonly name: string
  readonly protectedAt?: Seconds
  readonly unprotectedAt?: Seconds
  readonly wholeAt?: Seconds
  readonly leftOut: readonly { readonly scope: string; readonly at?: Seconds }[]
}

type Seconds = { readonly seconds: bigint } | undefined

const none: CodeUse = { protectedAt: 0, unprotectedAt: 0, wholeAt: 0, leftOut: new Map() }

/** What was seen of the codes of each client, at whichever replica. */
export class CodeUses extends ByClient<CodeUse> {
  /** @returns the clients with whose codes something is wrong since now, or no longer */
  record(uses: readonly CodeUseSaid[]): readonly string[] {
    return uses.flatMap(({ namespace, name, ...said }) => {
      const key = `${namespace}/${name}`
      const before = this.known.get(key) ?? none
      const later = (at: number, saidAt: Seconds) => Math.max(at, Number(saidAt?.seconds ?? 0n) * 1000)
      const leftOut = new Map(before.leftOut)
      for (const { scope, at } of said.leftOut)
        if (oidcScopes.includes(scope)) leftOut.set(scope, later(leftOut.get(scope) ?? 0, at))
      const use = {
        protectedAt: later(before.protectedAt, said.protectedAt),
        unprotectedAt: later(before.unprotectedAt, said.unprotectedAt),
        wholeAt: later(before.wholeAt, said.wholeAt),
        leftOut,
      }
      this.known.set(key, use)
      return faultsOf(use) === faultsOf(before) ? [] : [key]
    })
  }

  /** @param client `namespace/name` */
  last(client: string): CodeUse | undefined {
    return this.known.get(client)
  }
}

const faultsOf = (use: CodeUse): string => [lacksProtection(use), ...scopesLeftOut(use).toSorted()].join(' ')

/** Secrets of one client whose use is remembered. Three can be live at a time. */
const mostSecrets = 8

/** When each secret was last used, at whichever replica: epoch milliseconds by id of the secret, the one that was used first comes first.
 *  It outlives the replica that said so. */
export class Usage extends ByClient<Map<string, number>> {
  record(uses: readonly Use[]): void {
    for (const { namespace, name, secretId, lastUsed } of uses) {
      const client = `${namespace}/${name}`
      const known = this.known.get(client) ?? new Map<string, number>()
      const at = Number(lastUsed?.seconds ?? 0n) * 1000
      if (at <= (known.get(secretId) ?? 0)) continue
      known.delete(secretId)
      known.set(secretId, at)
      const [oldest] = known.keys()
      if (known.size > mostSecrets && oldest !== undefined) known.delete(oldest)
      this.known.set(client, known)
    }
  }

  /** @param client `namespace/name`
   *  @returns epoch milliseconds; undefined when nobody has told of a use */
  lastUsed(client: string, secretId: string): number | undefined {
    return this.known.get(client)?.get(secretId)
  }
}
