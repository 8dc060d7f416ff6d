import type { Judgement } from '../decide/access/judgement.ts'
import type { PolicyStanding } from '../decide/status/policy-report.ts'

/** The most clients that the status of a policy names. */
const examplesShown = 20

interface OfPolicy {
  /** `namespace/name` of the clients that it applies to. */
  readonly matched: Set<string>
  /** The violation of each violating client. */
  readonly violating: Map<string, string>
  /** Changes with each change of the tally. */
  version: number
}

const nobody: Pick<OfPolicy, 'matched' | 'violating'> = { matched: new Set(), violating: new Map() }

/** Counts which clients comply with each policy, by their last judgement. */
export class PolicyTally {
  readonly #policies = new Map<string, OfPolicy>()
  readonly #ofClient = new Map<string, readonly string[]>()
  /** Counts the changes of all policies, so that no version comes twice. */
  #changes = 0

  record(key: string, { policies, violations }: Pick<Judgement, 'policies' | 'violations'>): void {
    for (const name of this.#ofClient.get(key) ?? []) if (!policies.includes(name)) this.#leave(name, key)
    this.#ofClient.set(key, policies)
    for (const name of policies) {
      const found = violations.filter(({ policy }) => policy === name)
      this.#put(name, key, found.map(({ field, message }) => `${field}: ${message}`).join('; '))
    }
  }

  remove(key: string): void {
    for (const name of this.#ofClient.get(key) ?? []) this.#leave(name, key)
    this.#ofClient.delete(key)
  }

  /** @returns a number that changes with each change */
  version(policy: string): number {
    return this.#policies.get(policy)?.version ?? 0
  }

  standing(policy: string): PolicyStanding {
    const { matched, violating } = this.#policies.get(policy) ?? nobody
    const examples = [...violating.keys()].toSorted().slice(0, examplesShown)
    return {
      matched: matched.size,
      violating: violating.size,
      examples: examples.map((key) => ({ key, message: violating.get(key)! })),
    }
  }

  #put(policy: string, key: string, message: string): void {
    const of = this.#of(policy)
    if (of.matched.has(key) && (of.violating.get(key) ?? '') === message) return
    of.matched.add(key)
    if (message === '') of.violating.delete(key)
    else of.violating.set(key, message)
    of.version = ++this.#changes
  }

  #leave(policy: string, key: string): void {
    const of = this.#of(policy)
    of.matched.delete(key)
    of.violating.delete(key)
    of.version = ++this.#changes
    if (of.matched.size === 0) this.#policies.delete(policy)
  }

  #of(policy: string): OfPolicy {
    const known = this.#policies.get(policy)
    if (known) return known
    const of: OfPolicy = { matched: new Set(), violating: new Map(), version: 0 }
    this.#policies.set(policy, of)
    return of
  }
}
