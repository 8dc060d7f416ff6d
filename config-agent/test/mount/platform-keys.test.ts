import { mkdir, mkdtemp, rename, rm, symlink, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { platformKeysFile, signatureFile } from '@nauthera/proto/names'
import { operatorSigner } from '@nauthera/harness/agent/make-shards'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'
import { PlatformKeys } from '../../src/mount/platform-keys.ts'

/** What a Secret holds. */
const bound = 1024 * 1024

describe('PlatformKeys', () => {
  let root: string
  let keys: PlatformKeys
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'platform-keys-'))
    keys = new PlatformKeys(join(root, 'clients'))
  })
  afterEach(() => rm(root, { recursive: true }))

  /** Mounts a signed file of this size. @returns whether it is new */
  const mount = async (size: number, damage?: (path: string) => Promise<unknown>) => {
    const file = Buffer.alloc(size, 7)
    const signature = operatorSigner.sign({ name: platformKeysFile, digest: digestOf(file) })
    const files = new Map<string, Uint8Array>([
      [platformKeysFile, file],
      [signatureFile(platformKeysFile), signature],
    ])
    const volume = createVolumeWriter(join(root, 'clients'))
    await volume.swap(files, async (fresh) => void (await damage?.(join(fresh, platformKeysFile))))
    return keys.readAgain(operatorSigner.publicKey)
  }

  it('takes a file of exactly the bound', async () => {
    expect(await mount(bound)).to.equal(true)
    expect(keys.held?.file).to.have.length(bound)
  })

  const damages: [string, number, ((path: string) => Promise<unknown>)?][] = [
    ['a file of one byte more', bound + 1],
    [
      'a directory in its place',
      10,
      async (path) => {
        await unlink(path)
        await mkdir(path)
      },
    ],
    [
      'a link to the very same file elsewhere',
      10,
      async (path) => {
        await rename(path, join(root, 'elsewhere'))
        await symlink(join(root, 'elsewhere'), path)
      },
    ],
    ['no file at all', 10, (path) => unlink(path)],
  ]
  for (const [name, size, damage] of damages)
    it(`takes ${name} as nothing new, keeps what it has, and takes the next good one`, async () => {
      expect(await mount(5)).to.equal(true)
      expect(await mount(size, damage)).to.equal(false)
      expect(keys.held?.file).to.have.length(5)
      expect(keys.faults).to.deep.equal([])
      expect(await mount(6)).to.equal(true)
    })
})
