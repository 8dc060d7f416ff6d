import type { Hello, RejectedClient, SecretUse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardSchema } from '@nauthera/proto/names'
import { clientKey, compareAge } from '../snapshot.ts'
import type { Ref } from '../snapshot.ts'

/** A range, both ends included. */
export interface Schemas {
  readonly min: number
  readonly max: number
}

/** What the server of this pod says that it has. Nothing in here is what the agent merely hopes. */
export interface LiveState {
  /** False while there is no stream to the server: nothing counts as live then. */
  readonly serverConnected: boolean
  readonly serverVersion: string
  /** The schemas of shards that agent and server of this pod both read; before the first server, those of the agent. */
  readonly schemas: Schemas
  readonly live: ReadonlyMap<number, Ref>
  readonly rejected: readonly RejectedClient[]
  /** Of the manifest that the server holds as complete; empty before the first. */
  readonly manifestDigest: string
  /** The newest of each shard that this agent ever met. */
  readonly seen: ReadonlyMap<number, Ref>
  /** Last use of each secret that is still known. */
  readonly uses: ReadonlyMap<string, SecretUse>

  /** The server said which schemas it reads. Whether it is fed is another question. */
  greeted(schemas: Schemas): void
  connected(hello: Hello): void
  disconnected(): void
  applied(ref: Ref, rejected: readonly RejectedClient[]): void
  completed(manifestDigest: string): void
  used(uses: readonly SecretUse[]): void
  retired(client: string, secretId: string): void
  met(ref: Ref): void
  /** @returns how to stop listening */
  onChange(listener: () => void): () => void
}

/** @returns `monitoring/grafana 91ab3c0d` */
export const useKey = (use: SecretUse): string => `${clientKey(use)} ${use.secretId}`

export function createLiveState(): LiveState {
  const listeners = new Set<() => void>()
  const seen = new Map<number, Ref>()
  const uses = new Map<string, SecretUse>()
  const rejected = new Map<number, readonly RejectedClient[]>()
  const live = new Map<number, Ref>()
  const own: Schemas = { min: shardSchema.min, max: shardSchema.max }
  const state = { serverConnected: false, serverVersion: '', manifestDigest: '', schemas: own }
  const changed = (): void => {
    for (const listener of listeners) listener()
  }
  const meet = (ref: Ref): void => {
    const known = seen.get(ref.shard)
    if (!known || compareAge(ref, known) > 0) seen.set(ref.shard, ref)
  }
  const refOf = ({ epoch, shard, seq, digest }: Ref): Ref => ({ epoch, shard, seq, digest })

  return {
    get serverConnected() {
      return state.serverConnected
    },
    get serverVersion() {
      return state.serverVersion
    },
    get schemas() {
      return state.schemas
    },
    get manifestDigest() {
      return state.manifestDigest
    },
    get rejected() {
      return [...rejected.values()].flat()
    },
    live,
    seen,
    uses,
    greeted: ({ min, max }) => {
      const schemas = { min: Math.max(own.min, min), max: Math.min(own.max, max) }
      if (schemas.min === state.schemas.min && schemas.max === state.schemas.max) return
      state.schemas = schemas
      changed()
    },
    connected: (hello) => {
      live.clear()
      rejected.clear()
      for (const ref of hello.have) {
        live.set(ref.shard, refOf(ref))
        meet(refOf(ref))
      }
      for (const client of hello.rejected) {
        rejected.set(client.shard, [...(rejected.get(client.shard) ?? []), client])
      }
      state.serverConnected = true
      state.serverVersion = hello.serverVersion
      state.manifestDigest = hello.manifestDigest
      changed()
    },
    disconnected: () => {
      state.serverConnected = false
      live.clear()
      rejected.clear()
      state.manifestDigest = ''
      changed()
    },
    applied: (ref, refused) => {
      live.set(ref.shard, refOf(ref))
      rejected.set(ref.shard, refused)
      changed()
    },
    completed: (manifestDigest) => {
      state.manifestDigest = manifestDigest
      changed()
    },
    used: (reported) => {
      for (const use of reported) uses.set(useKey(use), use)
      changed()
    },
    retired: (client, secretId) => void uses.delete(`${client} ${secretId}`),
    met: (ref) => meet(refOf(ref)),
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
