import { Refusal } from '../refusals.ts'
import type { ApiState } from '../state.ts'
import type { Call } from './call.ts'

/** What a container wrote, line by line, until the caller has enough. */
export function serveLogs(state: ApiState, { request: { namespace, name, query }, response }: Call): void {
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  const tail = query.get('tailLines')
  const lines = state.logs?.({
    namespace: namespace!,
    pod: name!,
    container: query.get('container') ?? undefined,
    follow: query.get('follow') === 'true',
    tailLines: tail === null ? undefined : Number(tail),
    signal: abort.signal,
  })
  if (!lines) throw new Refusal(404, 'NotFound', `pods "${name}" has no such container here`)
  response.writeHead(200, { 'content-type': 'text/plain' })
  void (async () => {
    for await (const line of lines) response.write(`${line}\n`)
    response.end()
  })().catch(() => response.destroy())
}
