// A thread that switches a volume from one version to the next and back, again and again, and ends. It says when there is a first version.
import { parentPort, workerData } from 'node:worker_threads'
import { writeAtomically } from '@nauthera/stand-in/atomic-writer'

const { directory, versions, times } = workerData as {
  directory: string
  versions: readonly Readonly<Record<string, string>>[]
  times: number
}
const files = versions.map(
  (version) => new Map(Object.entries(version).map(([name, text]) => [name, Buffer.from(text)])),
)
const clock = new Int32Array(new SharedArrayBuffer(4))
for (let turn = 0; turn < times; turn++) {
  writeAtomically(directory, files[turn % files.length]!)
  if (turn === 0) parentPort!.postMessage('begun')
  Atomics.wait(clock, 0, 0, 1)
}
