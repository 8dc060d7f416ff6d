import type { LibraryNeeds } from '../needs.ts'
import type { Context, Params } from '../shapes.ts'

/** Changes a request's parameters after the library has assembled them and before it reads any. It is called again for a pushed request
 *  and after an interaction. It is synchronous, and leaves arrays alone, so that the library refuses repeated parameters. */
export type ParamsWatcher = (context: Context, params: Params, needs: ParamsNeeds) => void
export type ParamsNeeds = Pick<LibraryNeeds, 'clients' | 'platforms' | 'sealer' | 'monotonicNow'>

/** Whether a request object or a pushed request may write other parameters later. */
export const mayBeReplaced = ({ request, request_uri: uri }: Params): boolean =>
  request !== undefined || uri !== undefined

/** Whatever is written into a parameter later, by a request object or a pushed request, becomes what we know of it.
 *  Of use only where something may be: the library reads the parameters many times, and V8 reads watched ones slowly.
 *  @param value what it is now */
export function watchParam(params: Params, name: string, value: unknown, known: (next: unknown) => unknown): void {
  let current = value
  Object.defineProperty(params, name, {
    enumerable: true,
    configurable: true,
    get: () => current,
    set(next: unknown) {
      current = known(next)
    },
  })
}
