import type { Identity, SecretUse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { identityText } from '@nauthera/rules/identities'
import { oidcScopes } from '@nauthera/rules/scopes'
import { addNewest } from '@nauthera/runtime/add-newest'
import { lacksProtection, scopesLeftOut, showsTwice } from '../decide/status/code-protection.ts'
import type { CodeUse, SectorProof } from '../decide/status/observations.ts'

type Use = Pick<SecretUse, 'namespace' | 'name' | 'secretId'> & {
  readonly lastUsed?: { readonly seconds: bigint } | undefined
}

interface IdentityUsed {
  readonly namespace: string
  readonly name: string
  readonly identity?: Identity | undefined
  readonly lastUsed?: { readonly seconds: bigint } | undefined
}

/** Reports by client, `namespace/name`. */
class ByClient<Known> {
  protected readonly known = new Map<string, Known>()

  /** Removes all other clients. */
  keepOnly(isKnown: (client: string) => boolean): void {
    for (const client of this.known.keys()) if (!isKnown(client)) this.known.delete(client)
  }

  /** The client was removed, or another one has its name. */
  forget(client: string): void {
    this.known.delete(client)
  }
}

/** The identity that each client last authenticated with, at any replica. */
export class IdentityUsage extends ByClient<{ readonly identity: string; readonly at: number }> {
  /** @returns the clients whose identity changed */
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
   *  @returns the identity as text, and epoch milliseconds */
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

/** The last result of each client's sector document, at any replica. */
export class SectorProofs extends ByClient<SectorProof & { readonly at: number }> {
  /** @returns the clients whose result changed */
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
  readonly secretOnceAt?: Seconds
  readonly secretTwiceAt?: Seconds
  readonly leftOut: readonly { readonly scope: string; readonly at?: Seconds }[]
}

type Seconds = { readonly seconds: bigint } | undefined

const none: CodeUse = {
  protectedAt: 0,
  unprotectedAt: 0,
  wholeAt: 0,
  secretOnceAt: 0,
  secretTwiceAt: 0,
  leftOut: new Map(),
}

/** How the codes of each client were protected and its secret was shown, at any replica. */
export class CodeUses extends ByClient<CodeUse> {
  /** @returns the clients whose requests became faulty or correct */
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
        secretOnceAt: later(before.secretOnceAt, said.secretOnceAt),
        secretTwiceAt: later(before.secretTwiceAt, said.secretTwiceAt),
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

const faultsOf = (use: CodeUse): string =>
  [lacksProtection(use), showsTwice(use), ...scopesLeftOut(use).toSorted()].join(' ')

/** The most secrets of one client with a recorded use. Three can be live at a time. */
const mostSecrets = 8

/** When each secret was last used at any replica: epoch milliseconds by id, oldest use first. The record outlives the replica. */
export class Usage extends ByClient<Map<string, number>> {
  record(uses: readonly Use[]): void {
    for (const { namespace, name, secretId, lastUsed } of uses) {
      const client = `${namespace}/${name}`
      const known = this.known.get(client) ?? new Map<string, number>()
      const at = Number(lastUsed?.seconds ?? 0n) * 1000
      if (at <= (known.get(secretId) ?? 0)) continue
      addNewest(known, secretId, at, mostSecrets)
      this.known.set(client, known)
    }
  }

  /** @param client `namespace/name`
   *  @returns epoch milliseconds; undefined without a reported use */
  lastUsed(client: string, secretId: string): number | undefined {
    return this.known.get(client)?.get(secretId)
  }
}
