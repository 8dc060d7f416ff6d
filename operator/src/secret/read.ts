// Reads the application's Secret and the source of the client's secret.
import { asError } from '@nauthera/runtime/coded-error'
import { listedSource, listsSecrets } from '../decide/secret/listed-secrets.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import { versionOf } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { formerNames, isReservedName } from './former-names.ts'
import { passed } from './look.ts'
import type { RestoreVerdict } from '../decide/secret/restored.ts'
import type { OwnerProof } from '../decide/secret/owner-proof.ts'
import type { KnownSecret, SecretWork, SecretStep } from './look.ts'
import { readClientSecret } from './read-secret.ts'
import type { EarlierSecret, ReadSecret } from './read-secret.ts'
import { readSource } from './read-source.ts'
import type { ReadSource, SecretNeed } from './read-source.ts'

export interface Reader {
  /** The start of a look: the secret's source, and the application's Secret, remembered or read. It never throws: an unreadable Secret is
   *  `unknown`. A new client's Secret is not read: if there is one, the create gets a conflict. Of a client that lists its secrets no
   *  Secret is read. */
  readForLook(work: SecretWork, need: SecretNeed): Promise<KnownSecret>
  /** A step: reads a remembered Secret again, so that each write is planned from its present state. A remembered absence is not read
   *  again: the create gets a conflict. */
  again: SecretStep
  /** The application's Secret, read now. @throws ApiError */
  readNow(work: SecretWork): Promise<ReadSecret>
}

const noSource: ReadSource = { source: { kind: 'minted' }, given: undefined, missing: undefined }
const notThere: ReadSecret = { state: { kind: 'absent' }, object: undefined, plain: undefined }
const unknown: ReadSecret = { state: { kind: 'unknown' }, object: undefined, plain: undefined }
const foreign: ReadSecret = { state: { kind: 'foreign' }, object: undefined, plain: undefined }

/** @param needs.verdictOn what becomes of a Secret that was written for an earlier client of this name (decide/secret/restored.ts) */
export function createReader(needs: {
  secrets: Pick<SecretStore, 'read'>
  proof: OwnerProof
  verdictOn: (work: SecretWork, earlier: EarlierSecret, object: SecretObject | undefined) => RestoreVerdict
  home: { namespace: string; release: string }
}): Reader {
  const { secrets, home } = needs

  /** What an earlier client of this name had is the present one's, or it stays. */
  const restore = (work: SecretWork, read: ReadSecret): ReadSecret => {
    const { earlier, object } = read
    const verdict = earlier ? needs.verdictOn(work, earlier, object) : 'left'
    if (!earlier || verdict === 'left') return read
    const decided = earlier.as(verdict)
    const { restoredFrom, state } = decided
    work.log.info({ verdict, restoredFrom, secret: state.secretId }, 'restore decided')
    return decided
  }

  /** Assumes that a new client has no Secret, except under a reserved name. */
  const assume = ({ isNew, memory, judgement: { client } }: SecretWork): void => {
    if (isNew !== true || memory.read || isReservedName(client.metadata.namespace, secretNameOf(client), home)) return
    memory.read = { state: { kind: 'absent' }, fingerprint: undefined, isAssumed: true }
  }

  const fresh = async (work: SecretWork): Promise<ReadSecret> => {
    const { memory, judgement } = work
    const { client } = judgement
    // the name is reserved for a Secret of the release
    if (isReservedName(client.metadata.namespace, secretNameOf(client), home)) return foreign
    const read = restore(work, await readClientSecret(needs, client, formerNames(client, memory.names, home)))
    memory.restoredFrom ??= read.restoredFrom
    memory.seen.own = { name: secretNameOf(client), version: read.object && versionOf(read.object) }
    memory.read = { ...standing(read), fingerprint: undefined }
    return read
  }

  return {
    readNow: fresh,
    readForLook: async (work, need) => {
      const { client, acceptance, serve } = work.judgement
      if (listsSecrets(client)) {
        const source = acceptance.kind === 'accepted' ? listedSource(client, serve.kind === 'desired') : noSource.source
        return { ...work, ...noSource, source, read: notThere, isFresh: true, failure: undefined }
      }
      let found = noSource
      try {
        found = await readSource(secrets, work.judgement.client, need)
        work.memory.seen.source = found.seen
        assume(work)
        const remembered = recall(work)
        const read = remembered ?? (await fresh(work))
        return { ...work, ...found, read, isFresh: remembered === undefined, failure: undefined }
      } catch (error) {
        return { ...work, ...found, read: unknown, isFresh: false, failure: asError(error) }
      }
    },
    again: async (look) => {
      if (look.isFresh || look.read.state.kind === 'absent') return passed
      try {
        return { kind: 'changed', known: { ...look, read: await fresh(look), isFresh: true } }
      } catch (error) {
        return { kind: 'changed', known: { ...look, failure: asError(error) } }
      }
    },
  }
}

/** @returns the remembered Secret; undefined when it must be read. A foreign Secret is always read, since no event reports its removal */
function recall({ memory: { read } }: SecretWork): ReadSecret | undefined {
  if (!read || read.state.kind === 'foreign') return undefined
  return { ...standing(read), object: undefined, plain: undefined }
}

/** The part of a Secret that may be remembered. */
const standing = ({ state, isFormer, wasOfEarlier }: Pick<ReadSecret, 'state' | 'isFormer' | 'wasOfEarlier'>) => ({
  state,
  ...(isFormer ? ({ isFormer } as const) : {}),
  ...(wasOfEarlier ? ({ wasOfEarlier } as const) : {}),
})
