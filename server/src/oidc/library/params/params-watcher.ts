import type { LibraryNeeds } from '../needs.ts'
import type { Context, Params } from '../shapes.ts'

/** Changes a request's parameters after the library has assembled them and before it reads any. It is called again for a pushed request
 *  and after an interaction. It is synchronous, and leaves arrays alone, so that the library refuses repeated parameters. */
export type ParamsWatcher = (context: Context, params: Params, needs: ParamsNeeds) => void
export type ParamsNeeds = Pick<LibraryNeeds, 'clients' | 'platforms'>
