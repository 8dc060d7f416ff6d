// A command, run in this process against a database of its own.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { runCommand } from '../../src/cli/program.ts'
import { freshStore } from '../store/fresh-store.ts'
import type { FreshStore } from '../store/fresh-store.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  json(): Record<string, unknown>[]
}

export interface Nauthera {
  readonly fresh: FreshStore
  /** Of the key-encryption ring. */
  readonly keysDirectory: string
  /** @param about.input standard input, which is no terminal unless `typed` is given in its place
   *  @param about.onOut hears what is printed, as it is; @param about.interrupt gets what Ctrl-C does */
  run(command: readonly string[], about?: About): Promise<Ran>
  stop(): Promise<void>
}

interface About {
  readonly input?: string
  readonly typed?: string
  readonly onOut?: (text: string) => void
  readonly interrupt?: (press: () => void) => void
}

/** Runs a command with these settings. */
export async function runWith(settings: string, command: readonly string[], about: About = {}): Promise<Ran> {
  const { input = '', typed, onOut = () => undefined, interrupt = () => undefined } = about
  let [out, err] = ['', '']
  const stdin = Readable.from([Buffer.from(typed ?? input)], { autoDestroy: false })
  const code = await runCommand({
    arguments: command,
    terminal: {
      stdin: Object.assign(stdin, { isTTY: typed !== undefined, setRawMode: () => undefined }),
      stdout: sink((text) => {
        out += text
        onOut(text)
      }),
      stderr: sink((text) => (err += text)),
      onInterrupt(press) {
        interrupt(press)
        return () => undefined
      },
    },
    environment: { NAUTHERA_SETTINGS: settings },
    version: '1.2.3',
    by: 'root',
  })
  return { code, out, err, json: () => JSON.parse(out) as Record<string, unknown>[] }
}

/** The `before` that calls it needs up to 30 s. @param more lines of the settings */
export async function openNauthera(more: readonly string[] = []): Promise<Nauthera> {
  const fresh = await freshStore()
  const directory = temporaryDirectory('cli')
  mkdirSync(join(directory, 'keys'))
  writeFileSync(join(directory, 'keys/k1'), randomBytes(32))
  writeFileSync(join(directory, 'keys/current'), 'k1')
  writeFileSync(join(directory, 'dsn'), `${fresh.url}?sslmode=disable\n`)
  const settings = join(directory, 'server.yaml')
  const lines = ['issuer: http://localhost:3000', `database: {dsnFile: ${join(directory, 'dsn')}}`]
  writeFileSync(settings, [...lines, `keysDirectory: ${join(directory, 'keys')}`, ...more, ''].join('\n'))
  return {
    fresh,
    keysDirectory: join(directory, 'keys'),
    run: (command, about) => runWith(settings, command, about),
    async stop() {
      await fresh.stop()
    },
  }
}

const sink = (write: (text: string) => void) =>
  new Writable({
    write(chunk: Buffer, _, done) {
      write(chunk.toString())
      done()
    },
  })
