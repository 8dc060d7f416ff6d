// Where a secret could have come to: the memory of processes, and files.
import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs'

/** Large enough that a few hundred reads are a process. */
const pieceBytes = 4 << 20

/** @returns the texts that lie in the memory of a process which it can write to */
export function textsInMemory(pid: number, texts: readonly string[]): string[] {
  const found = new Set<string>()
  const needles = texts.map((text) => [text, Buffer.from(text)] as const)
  const overlap = Math.max(...needles.map(([, bytes]) => bytes.length))
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const piece = Buffer.alloc(pieceBytes + overlap)
  try {
    for (const [, from, to] of readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
      const end = Number.parseInt(to!, 16)
      for (let at = Number.parseInt(from!, 16); at < end; at += pieceBytes) {
        const read = tryRead(memory, piece, at, Math.min(piece.length, end - at))
        const seen = piece.subarray(0, read)
        for (const [text, bytes] of needles) if (seen.includes(bytes)) found.add(text)
      }
    }
  } finally {
    closeSync(memory)
  }
  return [...found]
}

/** @returns 0 for what cannot be read, such as a region that is gone again */
function tryRead(file: number, piece: Buffer, at: number, length: number): number {
  try {
    return readSync(file, piece, 0, length, at)
  } catch {
    return 0
  }
}

/** @returns the texts that lie in files of a directory and below */
export function textsInFiles(directory: string, texts: readonly string[]): string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const contents = files.map(({ parentPath, name }) => readFileSync(`${parentPath}/${name}`))
  return texts.filter((text) => contents.some((bytes) => bytes.includes(text)))
}
