// `profile: hardened` names images by their digest, and the kubelet asks for them each time. A registry on the node answers.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { clusterState } from './api-server.ts'
import { root } from './kubernetes.ts'

/** The name in the values -> the archive of its image. */
const archives = { server: 'server', agent: 'config-agent', operator: 'operator', valkey: 'e2e-valkey' } as const

interface Registry {
  /** Name in the values -> digest. */
  readonly digests: ReadonlyMap<string, string>
  /** Digests of the manifests that were asked for. */
  readonly asked: ReadonlySet<string>
}

let started: Promise<Registry> | undefined

/** Starts one when nobody has yet; it ends with the run. */
export const useRegistry = (): Promise<Registry> => (started ??= startRegistry())

export async function hardenedValues(): Promise<object> {
  const { digests } = await useRegistry()
  const parts = [...digests].map(([part, digest]) => [part, { image: { digest } }])
  return { profile: 'hardened', ...Object.fromEntries(parts) }
}

async function startRegistry(): Promise<Registry> {
  const [init = ''] = readFileSync(join(clusterState, 'pid'), 'utf8').split(' ')
  const files = Object.values(archives).map((name) => join(root, `.nauthera/images/${name}.tar`))
  const program = [process.execPath, join(root, 'ci/e2e/images/registry.ts'), ...files]
  const child = spawn('nsenter', ['-t', init, '-n', '--', ...program], { stdio: ['ignore', 'pipe', 'inherit'] })
  reapProcess(child)
  const lines = createInterface(child.stdout)
  const told = await new Promise<Readonly<Record<string, string>>>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the registry ended with ${code}`)))
    lines.once('line', (line) => resolve(JSON.parse(line) as Readonly<Record<string, string>>))
  })
  const asked = new Set<string>()
  lines.on('line', (digest) => void asked.add(digest))
  // nobody waits for its end
  child.unref()
  ;(child.stdout as Socket).unref()
  return { digests: new Map(Object.entries(archives).map(([part, archive]) => [part, told[archive]!])), asked }
}
