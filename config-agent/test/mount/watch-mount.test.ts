import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'
import { expect } from 'chai'
import { MountWatch } from '../../src/mount/watch-mount.ts'
import type { Trigger } from '../../src/mount/watch-mount.ts'

const never = 600_000

describe('MountWatch', () => {
  let parent: string
  let directory: string
  let watch: MountWatch | undefined
  const looks: Trigger[] = []
  beforeEach(async () => {
    looks.length = 0
    parent = await mkdtemp(join(tmpdir(), 'mount-'))
    directory = join(parent, 'clients')
  })
  afterEach(async () => {
    await watch?.stop()
    await rm(parent, { recursive: true })
  })

  /** @returns what the next look is for */
  let nextLook: () => Promise<Trigger>
  const follow = (pollMs: number) => {
    let onLook = (_trigger: Trigger): void => undefined
    nextLook = () => new Promise((resolve) => (onLook = resolve))
    watch = new MountWatch({
      directory,
      pollMs,
      look: async (trigger) => {
        looks.push(trigger)
        onLook(trigger)
        return { again: false }
      },
      onDegraded: (error) => {
        throw error
      },
    })
  }
  let version = 0
  const swap = () => createVolumeWriter(directory).swap(new Map([['a', Buffer.from(String(++version))]]))
  const swapped = async () => {
    const look = nextLook()
    await swap()
    return look
  }

  it('looks at each switch as it happens', async () => {
    await mkdir(directory)
    follow(never)
    for (let turn = 0; turn < 5; turn++) expect(await swapped()).to.equal('inotify')
  })

  it('looks at nothing while the link stays, whatever else moves', async () => {
    await swap()
    follow(never)
    await watch!.readNow('start')
    await mkdir(join(directory, '..something'))
    await rename(join(directory, '..something'), join(directory, '..else'))
    await swapped()
    expect(looks).to.deep.equal(['start', 'inotify'])
  })

  for (const [what, before] of [
    ['that comes later', async () => undefined],
    ['that comes in the place of another', swap],
  ] as const) {
    it(`watches a directory ${what}`, async () => {
      await before()
      follow(20)
      await watch!.readNow('start')
      await rm(directory, { recursive: true, force: true })
      await swapped()
      // the poll may be faster than an event, but not each time
      while ((await swapped()) !== 'inotify');
    })
  }
})
