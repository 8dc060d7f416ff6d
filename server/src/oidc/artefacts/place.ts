import type { RequestContext } from '../request-context.ts'

/** Where one kind of artefact is stored. The adapter throws when the library calls a method that is missing here: a
 *  silent default would be a security hole. */
export interface ArtefactPlace<Payload extends object = object> {
  find?(request: RequestContext, id: string): Promise<Payload | undefined>
  findByUid?(request: RequestContext, uid: string): Promise<Payload | undefined>
  findByUserCode?(request: RequestContext, userCode: string): Promise<Payload | undefined>
  /** @param expiresIn seconds */
  upsert?(request: RequestContext, id: string, payload: Payload, expiresIn: number): Promise<void>
  consume?(request: RequestContext, id: string): Promise<void>
  destroy?(request: RequestContext, id: string): Promise<void>
  revokeByGrantId?(request: RequestContext, grantId: string): Promise<void>
}

/** Name of the library's model -> place. */
export type Places = Readonly<Record<string, ArtefactPlace>>
