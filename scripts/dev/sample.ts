import { join } from 'node:path'
import type { Stack } from '@nauthera/local/product/stack'
import { startProcess } from '@nauthera/local/processes/process'
import { mountVolume } from '@nauthera/stand-in/mounted-volume'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { demo } from './demo.ts'

/** Where examples/clients expects the sample application. */
export const samplePort = 3000

/** Puts the real port of the sample application into the redirect URIs of its client. */
export function atPort(port: number): (object: KubeObject) => KubeObject {
  const moved = (text: string) => text.replaceAll(`http://localhost:${samplePort}/`, `http://localhost:${port}/`)
  return (object) =>
    object.metadata.name === demo.web ? (JSON.parse(moved(JSON.stringify(object))) as KubeObject) : object
}

/** Starts the sample application with the Secret of its client mounted.
 *  @returns ends it */
export function startSampleApp(
  stack: Stack,
  options: { directory: string; port: number; onLine: (line: string) => void },
): () => Promise<void> {
  const { directory, port, onLine } = options
  const { api } = stack
  const secret = `${demo.web}-oidc`
  const volume = mountVolume({
    directory: join(directory, 'sample-secret'),
    sources: [{ secret }],
    read: (name) =>
      api.store.find(api.resource('secrets'), demo.namespace, name)?.['data'] as Record<string, string> | undefined,
  })
  const stopListening = api.store.onChange(({ object }) => {
    if (object.metadata.name === secret && object.metadata.namespace === demo.namespace) volume.nudge()
  })
  const app = startProcess({
    name: 'sample',
    script: 'scripts/dev/sample-app.ts',
    args: ['--port', String(port), '--secret', volume.directory],
    restart: true,
    onLine,
  })
  return async () => {
    stopListening()
    volume.stop()
    await app.stop()
  }
}
