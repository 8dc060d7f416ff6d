import { readFile } from 'node:fs/promises'
import { CodedError } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { serverMetrics } from '../../metrics.ts'
import { parseKeyFile } from './parse-key-file.ts'
import type { FileKey } from './parse-key-file.ts'

/** What a process has of a mounted file of keys. */
export interface FileKeys {
  /** In the order of the file: the first of an algorithm is the one that is to sign. */
  readonly listed: readonly FileKey[]
  /** Those that the file had before. They may sign while none of the new ones may. */
  readonly former: readonly FileKey[]
}

/** Signing keys that somebody else makes, in a mounted file (`signing.jwksFile`). */
export interface KeyFile {
  /** Reads the file. When it cannot be used, the last good keys stay, and log and metric say so.
   *  @param faultsOf what only the caller knows against keys
   *  @throws CodedError SIGNING_KEYS_INVALID while there are no good ones */
  read(faultsOf: (keys: readonly FileKey[]) => readonly string[]): Promise<FileKeys>
  /** @returns whether the file differs from what `read` saw last */
  hasChanged(): Promise<boolean>
}

const mostBytes = 256 * 1024

interface Needs {
  readonly path: string
  /** Each must have a key. */
  readonly algorithms: readonly SigningAlgorithm[]
  readonly log: Log
  readonly metrics?: Metrics
}

export const createKeyFile = (needs: Needs): KeyFile => new MountedKeyFile(needs)

class MountedKeyFile implements KeyFile {
  readonly #needs: Needs
  readonly #isGood: { set(value: number): void } | undefined
  #good: FileKeys = { listed: [], former: [] }
  #text: string | undefined
  /** What `#text` holds; undefined until it has been parsed without a fault. */
  #parsed: readonly FileKey[] | undefined
  #fault: CodedError | undefined

  constructor(needs: Needs) {
    this.#needs = needs
    this.#isGood = needs.metrics?.gauge(serverMetrics.keyFileOk)
  }

  async read(faultsOf: (keys: readonly FileKey[]) => readonly string[]): Promise<FileKeys> {
    const { path, algorithms } = this.#needs
    try {
      const text = await readText(path)
      if (text !== this.#text) this.#parsed = undefined
      this.#text = text
      this.#parsed ??= await parse(path, text, algorithms)
      const faults = faultsOf(this.#parsed)
      if (faults.length > 0) throw invalid(path, faults)
      this.#take(this.#parsed)
    } catch (error) {
      this.#failed(error)
      if (this.#good.listed.length === 0) throw this.#fault!
    }
    return this.#good
  }

  async hasChanged(): Promise<boolean> {
    const text = await readText(this.#needs.path).catch(() => undefined)
    return text !== this.#text
  }

  #take(listed: readonly FileKey[]): void {
    this.#fault = undefined
    this.#isGood?.set(1)
    if (listed === this.#good.listed) return
    const known = new Set(listed.map(({ kid }) => kid))
    const before = [...this.#good.listed, ...this.#good.former]
    this.#good = { listed, former: before.filter(({ kid }) => !known.has(kid) && known.add(kid)) }
  }

  #failed(error: unknown): void {
    const fault = error instanceof CodedError ? error : new CodedError('SIGNING_KEYS_INVALID', { cause: error })
    this.#isGood?.set(0)
    const isNews = this.#fault === undefined || describeError(this.#fault) !== describeError(fault)
    this.#fault = fault
    if (isNews)
      this.#needs.log.error(
        { error: fault },
        'the file with signing keys cannot be used; the last good keys stay in use',
      )
  }
}

/** Reads the file once. @throws CodedError SIGNING_KEYS_INVALID with every fault */
export async function readKeyFile(path: string, algorithms: readonly SigningAlgorithm[]): Promise<readonly FileKey[]> {
  return parse(path, await readText(path), algorithms)
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new CodedError('SIGNING_KEYS_INVALID', { cause, faults: [{ path, message: 'cannot be read' }] })
  })
  if (bytes.length > mostBytes) throw invalid(path, [`is larger than ${mostBytes / 1024} KiB`])
  return bytes.toString('utf8')
}

async function parse(path: string, text: string, algorithms: readonly SigningAlgorithm[]): Promise<readonly FileKey[]> {
  const parsed = await parseKeyFile(text, algorithms)
  if ('faults' in parsed) throw invalid(path, parsed.faults)
  return parsed.keys
}

const invalid = (path: string, faults: readonly string[]): CodedError =>
  new CodedError('SIGNING_KEYS_INVALID', { faults: faults.map((message) => ({ path, message })) })
