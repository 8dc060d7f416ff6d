import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Stack } from '@nauthera/local/product/stack'

/** What a running `npm run dev` tells a later one. */
export interface Running {
  readonly pid: number
  readonly kubeconfig: string
  readonly ports: readonly number[]
}

/** Tells later runs about this one.
 *  @param file where they look
 *  @param kubeconfig written for them too
 *  @returns takes it back */
export function announce(file: string, kubeconfig: string, stack: Stack): () => void {
  writeFileSync(kubeconfig, stack.api.adminConfig, { mode: 0o600 })
  const running: Running = { pid: process.pid, kubeconfig, ports: stack.pods.map(({ port }) => port) }
  writeFileSync(file, JSON.stringify(running))
  return () => rmSync(file, { force: true })
}

/** @returns the run that announced itself in the file and still lives */
export function findRunning(file: string): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(file, 'utf8')) as Running
    process.kill(running.pid, 0)
    return running
  } catch {
    return undefined
  }
}
