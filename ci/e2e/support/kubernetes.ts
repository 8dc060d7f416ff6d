// The cluster that KUBECONFIG names, as people use it (kubectl, helm) and as the API has it.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import { readOutput } from '@nauthera/local/processes/read-output'
import type { RunResult } from '@nauthera/local/processes/read-output'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { findTool } from '@nauthera/local/programs/tools'
import type { Tool } from '@nauthera/local/programs/tools'

export const root = resolve(import.meta.dirname, '../../..')
const cacheDirectory = join(root, '.nauthera/e2e/cache')

/** Runs a program to its end.
 *  @param options.timeoutMs after which it is ended; default 120 s */
async function runTool(
  tool: Tool,
  args: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<RunResult> {
  mkdirSync(cacheDirectory, { recursive: true })
  const child = spawn(await findTool(tool), args, {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 120_000,
    // nothing of the person who runs this is read or written
    env: {
      ...process.env,
      HELM_CACHE_HOME: cacheDirectory,
      HELM_CONFIG_HOME: cacheDirectory,
      HELM_DATA_HOME: cacheDirectory,
    },
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  return await readOutput(child)
}

/** @throws Error with what the program said when it fails
 *  @returns its standard output */
export async function mustRun(
  tool: Tool,
  args: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  const { code, stdout, stderr } = await runTool(tool, args, options)
  if (code !== 0) throw new Error(`${tool} ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`)
  return stdout
}

const kubectlArgs = ['--cache-dir', cacheDirectory]
export const kubectl = (...args: string[]): Promise<string> => mustRun('kubectl', [...kubectlArgs, ...args])
/** For what is meant to fail. */
export const tryKubectl = (...args: string[]): Promise<RunResult> => runTool('kubectl', [...kubectlArgs, ...args])
export const kubectlWithInput = (input: string, ...args: string[]): Promise<string> =>
  mustRun('kubectl', [...kubectlArgs, ...args], { input })

/** Applies as a person does with a file. */
export const applyObjects = (objects: readonly object[]): Promise<string> =>
  kubectlWithInput(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), 'apply', '-f', '-')

let client: KubeClient | undefined
/** With the rights of KUBECONFIG. */
export const admin = (): KubeClient => (client ??= createKubeClient(readFileSync(process.env['KUBECONFIG']!, 'utf8')))

/** With the rights of somebody else, who the cluster then takes us for. */
export const asUser = (user: string): KubeClient =>
  createKubeClient(readFileSync(process.env['KUBECONFIG']!, 'utf8'), { 'impersonate-user': user })

/** @returns the object, or the list
 *  @throws Error when the API refuses */
export async function get(path: string, query: Record<string, string> = {}): Promise<Json> {
  const { status, body } = await admin().call('GET', path, { query })
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`)
  return body
}

/** Resolves with the first state of an object that is as wanted; each state is looked at.
 *  @param collection path of the list, such as /api/v1/namespaces/x/pods
 *  @param holds gets undefined when the object is deleted
 *  @param at another cluster than the one of KUBECONFIG
 *  @throws Error after `timeoutMs`, with the last state */
export async function whenObject(
  collection: string,
  name: string,
  holds: (object: Json) => boolean,
  timeoutMs: number,
  at: KubeClient = admin(),
): Promise<Json> {
  const deadline = Date.now() + timeoutMs
  let last: Json
  for (;;) {
    const left = deadline - Date.now()
    if (left <= 0) break
    let watch: Awaited<ReturnType<KubeClient['watch']>> | undefined
    try {
      watch = await at.watch(collection, {
        fieldSelector: `metadata.name=${name}`,
        timeoutSeconds: Math.ceil(left / 1000),
      })
      for (let event = await watch.next(left); event !== undefined; event = await watch.next(deadline - Date.now())) {
        if (event.type === 'ERROR' || event.type === 'BOOKMARK') continue
        last = event.type === 'DELETED' ? undefined : event.object
        if (holds(last)) return last
      }
    } catch {
      // the time is up, or the stream broke: the loop says which
    } finally {
      watch?.close()
    }
    await pause(50)
  }
  const shown = last?.status ?? last
  throw new Error(`${collection}/${name} not as wanted within ${timeoutMs} ms: ${JSON.stringify(shown)}`)
}

/** For what no watch tells.
 *  @throws Error after `timeoutMs` */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await pause(100)
  }
}

/** A program that runs beside the test, such as `kubectl port-forward`.
 *  @returns the first line that matches, and what ends it */
async function startTool(
  tool: Tool,
  args: readonly string[],
  ready: RegExp,
): Promise<{ line: RegExpExecArray; stop(): void }> {
  const child = spawn(await findTool(tool), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  reapProcess(child)
  let output = ''
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('said nothing of the kind'), 20_000)
    const fail = (why: string) => {
      clearTimeout(timer)
      child.kill()
      reject(new Error(`${tool} ${args.join(' ')} ${why}:\n${output}`))
    }
    const look = (chunk: unknown) => {
      output += String(chunk)
      const line = ready.exec(output)
      if (!line) return
      clearTimeout(timer)
      resolve({ line, stop: () => void child.kill() })
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('exit', () => fail('ended'))
  })
}

/** A port of a pod, at 127.0.0.1 of this machine. */
export async function forwardPort(
  namespace: string,
  pod: string,
  port: number,
): Promise<{ port: number; stop(): void }> {
  const args = ['-n', namespace, 'port-forward', `pod/${pod}`, `:${port}`]
  const { line, stop } = await startTool('kubectl', args, /Forwarding from 127\.0\.0\.1:(\d+)/)
  return { port: Number(line[1]), stop }
}
