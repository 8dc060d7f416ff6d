import { join } from 'node:path'
import type { HeldPort } from '@nauthera/local/processes/ports'
import { startProcess } from '@nauthera/local/processes/process'
import type { Stack } from '@nauthera/local/product/stack'
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

/** Mounts the application Secret of a client of the demo's namespace, as a pod would have it.
 *  @returns ends it */
export function mountSecretOf({ api }: Stack, client: string, directory: string): () => void {
  const secret = `${client}-oidc`
  const volume = mountVolume({
    directory,
    sources: [{ secret }],
    read: (name) =>
      api.store.find(api.resource('secrets'), demo.namespace, name)?.['data'] as Record<string, string> | undefined,
  })
  const stopListening = api.store.onChange(({ object }) => {
    if (object.metadata.name === secret && object.metadata.namespace === demo.namespace) volume.nudge()
  })
  return () => {
    stopListening()
    volume.stop()
  }
}

/** Starts the sample application with the Secret of its client mounted.
 *  @param options.dev how a later command of this run begins, up to its options
 *  @returns ends it */
export async function startSampleApp(
  stack: Stack,
  options: { directory: string; port: HeldPort; dev: string; onLine: (line: string) => void },
): Promise<() => Promise<void>> {
  const { directory, port, dev, onLine } = options
  const secretDirectory = join(directory, 'secrets', demo.web)
  const unmount = mountSecretOf(stack, demo.web, secretDirectory)
  await port.release()
  const rotate = `${dev} --rotate ${demo.web}`
  const app = startProcess({
    name: 'sample',
    script: 'scripts/dev/sample-app.ts',
    args: ['--port', String(port.port), '--secret', secretDirectory, '--rotate', rotate],
    restart: true,
    onLine,
  })
  await app.line(/listening/)
  return async () => {
    unmount()
    await app.stop()
  }
}
