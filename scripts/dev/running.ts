import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { Stack } from '@nauthera/local/product/stack'

/** What a running `npm run dev` tells a later command. */
export interface RunningDev {
  readonly pid: number
  readonly kubeconfig: string
  readonly ports: readonly number[]
  /** Settings of the server, for its command line. */
  readonly settings: string
}

/** Tells later commands about this run.
 *  @param file where they look
 *  @param kubeconfig written for them too
 *  @returns takes it back */
export function announce(file: string, kubeconfig: string, stack: Stack): () => void {
  writeFileSync(kubeconfig, stack.api.adminConfig, { mode: 0o600 })
  const ports = stack.pods.map(({ port }) => port)
  const running: RunningDev = { pid: process.pid, kubeconfig, ports, settings: stack.serverSettings }
  writeFileSync(file, JSON.stringify(running))
  return () => rmSync(file, { force: true })
}

/** @returns the run that announced itself in the file and still answers: after a crash its process id may be somebody else's */
export async function findRunning(file: string): Promise<RunningDev | undefined> {
  try {
    const running = JSON.parse(readFileSync(file, 'utf8')) as RunningDev
    process.kill(running.pid, 0)
    const { status } = await createKubeClient(readFileSync(running.kubeconfig, 'utf8')).call(
      'GET',
      '/api/v1/namespaces',
    )
    return status === 200 ? running : undefined
  } catch {
    return undefined
  }
}
