import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { root, scriptOf } from './program.ts'
import { reapProcess } from './reaper.ts'

/** Runs one of our programs to its end.
 *  @returns what it wrote to standard output
 *  @throws Error with its output when it ends with another code than 0, or not within `timeoutMs` */
export async function runToEnd(options: {
  name: string
  script: string
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
  input?: string
  timeoutMs?: number
  onLine?: (line: string) => void
}): Promise<string> {
  const child = spawn(process.execPath, [scriptOf(options.script), ...(options.args ?? [])], {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
  })
  reapProcess(child)
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  let out = ''
  let all = ''
  child.stdout.on('data', (chunk) => ((out += String(chunk)), (all += String(chunk))))
  child.stderr.on('data', (chunk) => (all += String(chunk)))
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => options.onLine?.(line))
  }
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
  })
  if (code !== 0)
    throw new Error(`${options.name} ended with ${code}:\n${all.trim().split('\n').slice(-20).join('\n')}`)
  return out
}
