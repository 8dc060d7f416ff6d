import { digestOf } from '@nauthera/proto/digest'
import { Secret } from '@nauthera/runtime/secret'
import type { SecretMarks } from '../decide/secret/rotation-terms.ts'
import { renderSecret } from '../decide/secret/secret.ts'
import type { RenderedSecret } from '../decide/secret/secret.ts'
import type { OwnerProof } from '../decide/secret/owner-proof.ts'
import type { SecretWork } from './look.ts'

/** Renders the application's Secret of a client. */
export type Render = (
  work: SecretWork,
  plain: Secret | undefined,
  marks: SecretMarks | undefined,
) => ReturnType<typeof renderSecret>

export function createRender(issuer: string, proof: OwnerProof): Render {
  return ({ judgement: { client, served, acceptance }, memory: { restoredFrom } }, plain, marks) =>
    renderSecret({ client, clientId: served ?? acceptance.wanted, issuer, plain, marks, restoredFrom, proof })
}

/** Caches the last result of a judgement: a look that writes renders twice. */
const found = new WeakMap<
  SecretWork['judgement'],
  { readonly render: Render; readonly of: string; readonly fingerprint: string | undefined }
>()

/** A digest of what would be written, with the id in place of the secret, so that it may be remembered.
 *  @returns undefined when it does not render */
export function fingerprintOf(render: Render, work: SecretWork, marks: SecretMarks | undefined): string | undefined {
  const of = JSON.stringify(marks ?? null)
  const before = found.get(work.judgement)
  if (before?.render === render && before.of === of) return before.fingerprint
  const rendered = render(work, marks && new Secret(marks.secretId), marks)
  const fingerprint = rendered.kind === 'rendered' ? digestOfSecret(rendered.secret) : undefined
  found.set(work.judgement, { render, of, fingerprint })
  return fingerprint
}

function digestOfSecret({ name, labels, annotations, ownerReferences, data }: RenderedSecret): string {
  const values = Object.entries(data).map(([key, value]) => [key, value.reveal()])
  const text = JSON.stringify([name, labels, annotations, ownerReferences, values])
  return digestOf(text)
}
