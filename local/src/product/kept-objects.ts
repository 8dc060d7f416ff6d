// The objects of `npm run dev`, kept from one run to the next.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { KubeApi } from '@nauthera/stand-in/kube-api'

/** @returns the objects of an earlier run; none when there is no such file */
export const readObjects = (file: string): ReturnType<KubeApi['store']['dump']> =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ReturnType<KubeApi['store']['dump']>) : []

/** Writes the API's objects into a file a moment after each change.
 *  @returns writes the last ones */
export function recordObjects(api: KubeApi, file: string): () => void {
  let pending: NodeJS.Timeout | undefined
  const save = () => {
    pending = undefined
    writeFileSync(`${file}.new`, JSON.stringify(api.store.dump()), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  const stopListening = api.store.onChange(() => {
    pending ??= setTimeout(save, 200)
  })
  return () => {
    stopListening()
    clearTimeout(pending)
    save()
  }
}
