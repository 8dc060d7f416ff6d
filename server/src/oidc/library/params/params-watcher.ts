import type { OverrideNeeds } from '../override.ts'
import type { Context, Params } from '../shapes.ts'

/** Sees the parameters of a request when the library has assembled them, and before it reads any. It is called again when they
 *  are assembled anew: for a pushed request first for the client authentication, and after an interaction.
 *  It is synchronous, and leaves arrays alone, so that the library still refuses what is given twice. */
export type ParamsWatcher = (
  context: Context,
  params: Params,
  needs: Pick<OverrideNeeds, 'clients' | 'platforms'>,
) => void
