import { once } from 'node:events'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'

interface Task {
  readonly directory: string
  readonly versions: readonly ReadonlyMap<string, Uint8Array>[]
  /** One number: how often it was swapped. -1 in the second place asks to stop. */
  readonly shared: Int32Array
}

/** Swaps the versions of a volume in turn, as fast as the disk allows, in a thread of its own.
 *  @returns after the first swap */
export async function startSwapping(
  directory: string,
  versions: Task['versions'],
): Promise<{ swaps(): number; stop(): Promise<void> }> {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const task: Task = { directory, versions, shared }
  const worker = new Worker(new URL(import.meta.url), { workerData: task })
  await once(worker, 'message')
  return {
    swaps: () => Atomics.load(shared, 0),
    stop: async () => {
      const ended = once(worker, 'exit')
      Atomics.store(shared, 1, -1)
      await ended
    },
  }
}

if (!isMainThread) {
  const { directory, versions, shared } = workerData as Task
  const volume = createVolumeWriter(directory)
  while (Atomics.load(shared, 1) === 0) {
    const swaps = Atomics.add(shared, 0, 1)
    await volume.swap(versions[swaps % versions.length]!)
    if (swaps === 0) parentPort!.postMessage('swapped')
  }
}
