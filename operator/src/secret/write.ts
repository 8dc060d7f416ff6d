// Writes the planned application's Secret, and the three steps that do: fence, publish, restore.
import { asError } from '@nauthera/runtime/coded-error'
import type { Secret } from '@nauthera/runtime/secret'
import { identifySecret } from '../decide/secret/secret-id.ts'
import { hasNoSecret, sameVerifiers } from '../decide/secret/rotation-terms.ts'
import type { RotationPlan, SecretState } from '../decide/secret/rotation-terms.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import type { RenderedSecret } from '../decide/secret/secret.ts'
import type { OwnerProof } from '../decide/secret/owner-proof.ts'
import { endingMs } from '../intake/ending-namespaces.ts'
import type { EndingNamespaces } from '../intake/ending-namespaces.ts'
import { isNamespaceEnding } from '../kubernetes/api-error.ts'
import { versionOf, writeOver } from '../kubernetes/conditional-write.ts'
import type { SecretStore, WantedSecret } from '../kubernetes/conditional-write.ts'
import { passed } from './look.ts'
import type { Look, SecretStep, SecretStepOutcome, SecretWork } from './look.ts'
import { readSecretObject } from './read-secret.ts'
import type { ReadSecret } from './read-secret.ts'
import { fingerprintOf } from './render.ts'
import type { Render } from './render.ts'

/** Writes the planned application's Secret over the one that was read, or creates it.
 *  @returns the written Secret, or why nothing can be written */
export type WriteSecret = (
  look: Look,
) => Promise<Exclude<SecretStepOutcome, { kind: 'passed' }> & { readonly isWritten?: boolean }>

export function createWriteSecret(needs: {
  secrets: Pick<SecretStore, 'create' | 'update'>
  /** Reads the application's Secret now. */
  reader: { readNow(work: SecretWork): Promise<ReadSecret> }
  render: Render
  proof: OwnerProof
  endings: Pick<EndingNamespaces, 'has' | 'refused'>
  again: (key: string, milliseconds: number) => void
  onWrite?: (kind: 'secret') => void
}): WriteSecret {
  const { secrets, reader, render } = needs

  /** The client goes with its namespace. If the namespace stays, a later look tries again. */
  const leave = ({ key, judgement: { client } }: Look) => {
    needs.again(key, endingMs)
    return { kind: 'ended', secret: { kind: 'namespace-ending', name: secretNameOf(client) } } as const
  }

  const send = async (look: Look, rendered: RenderedSecret): ReturnType<WriteSecret> => {
    const { memory, read, log, plan, judgement } = look
    const wanted = wantedSecret(rendered)
    if (!read.object && needs.endings.has(judgement.client.metadata.namespace)) return leave(look)
    const outcome = await writeOver(secrets, read.object, wanted)
    // a conflict: plan from what is there now
    if (outcome.kind === 'conflict')
      return { kind: 'changed', known: { ...look, read: await reader.readNow(look), isFresh: true } }
    if (outcome.kind === 'written') {
      needs.onWrite?.('secret')
      memory.names.delete(wanted.name)
      memory.names.add(wanted.name)
      const secret = plan.secret?.secretId
      log.later({ secret, name: wanted.name }, read.object ? 'secret written' : 'secret created')
    }
    const now = readSecretObject(outcome.secret, judgement.client, needs.proof)
    memory.seen.own = { name: wanted.name, version: versionOf(outcome.secret) }
    memory.read = { state: sharedWith(plan, now.state), fingerprint: fingerprintOf(render, look, plan.secret) }
    return { kind: 'changed', known: { ...look, read: now, isFresh: true }, isWritten: true }
  }

  return async (look) => {
    const name = secretNameOf(look.judgement.client)
    const plain = plainOf(look)
    const rendered = render(look, plain, look.plan.secret)
    if (rendered.kind === 'invalid')
      return { kind: 'ended', secret: { kind: 'template-invalid', name, faults: rendered.faults } }
    if (!hasNoSecret(look.source) && !plain) return { kind: 'ended', secret: { kind: 'pending', name } }
    try {
      return await send(look, rendered.secret)
    } catch (error) {
      look.memory.read = undefined
      // only the first refusal in a namespace is logged as a failure
      if (isNamespaceEnding(error) && !needs.endings.refused(look.judgement.client.metadata.namespace))
        return leave(look)
      return { kind: 'changed', known: { ...look, failure: asError(error) } }
    }
  }
}

/** A step: writes a fence into the Secret before an unpublished verifier is dropped. A former leader that still holds that secret then
 *  gets a conflict when it publishes. The value stays. */
export function createFence(write: WriteSecret): SecretStep {
  return async (look) => (look.plan.step.kind === 'fence' ? await write(look) : passed)
}

/** A step: every replica accepts the new secret, so it is written into the application's Secret. After that only that Secret has the plain
 *  value. */
export function createPublish(write: WriteSecret): SecretStep {
  return async (look) => {
    if (look.plan.step.kind !== 'publish') return passed
    const outcome = await write(look)
    if (outcome.isWritten) {
      look.memory.pending = undefined
      look.log.later({ secret: look.plan.secret?.secretId }, 'secret published')
    }
    return outcome
  }
}

/** The last step: writes the Secret when it differs from the plan, such as after an edit, a deletion or a new name. It holds the published
 *  secret as before. */
export function createRestore(write: WriteSecret): SecretStep {
  return async (look) => await write(look)
}

/** @returns the state with the plan's equal verifiers, which are in memory already */
function sharedWith({ secret }: RotationPlan, state: SecretState): SecretState {
  if (state.kind !== 'owned' || !secret || !sameVerifiers(state.verifiers, secret.verifiers)) return state
  const held = secret.verifiers.find(({ sha256 }) => sha256 === state.sha256)
  return { ...state, verifiers: secret.verifiers, ...(held ? { sha256: held.sha256 } : {}) }
}

/** The value that the plan names: the pending secret, the given one, or the present one. No other: what an application reads must be live
 *  on every replica. */
function plainOf({ plan, memory, given, read }: Look): Secret | undefined {
  const id = plan.secret?.secretId
  return [memory.pending?.plain, given, read.plain].find((plain) => plain && identifySecret(plain).id === id)
}

const wantedSecret = (rendered: RenderedSecret): WantedSecret => ({
  ...rendered,
  data: Object.fromEntries(
    Object.entries(rendered.data).map(([key, value]) => [key, Buffer.from(value.reveal(), 'utf8').toString('base64')]),
  ),
})
