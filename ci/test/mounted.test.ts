import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'
import { expect } from 'chai'
import { readMounted } from '../e2e/driver/secrets.ts'

const secretOf = (turn: number) => {
  const fields = { client_id: `id-${turn}`, client_secret: `secret-${turn}`, token_endpoint: 'https://issuer/token' }
  return new Map(Object.entries(fields).map(([key, value]) => [key, Buffer.from(value)]))
}

describe('an application of the end-to-end run that reads a mounted Secret', () => {
  let directory: string
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'mounted-'))))
  afterEach(() => rm(directory, { recursive: true }))

  it('has one whole Secret whenever it looks, while the kubelet replaces it', async () => {
    const volume = createVolumeWriter(directory)
    await volume.swap(secretOf(0))
    let swapping = true
    const swaps = (async () => {
      for (let turn = 1; turn <= 300; turn++) await volume.swap(secretOf(turn))
      swapping = false
    })()
    while (swapping) {
      const { clientId, clientSecret } = await readMounted(directory)
      expect(clientSecret).to.equal(clientId.replace('id', 'secret'))
    }
    await swaps
  })

  it('says that there is none, instead of waiting for it', async () => {
    const failure = await readMounted(directory).catch((error: NodeJS.ErrnoException) => error.code)
    expect(failure).to.equal('ENOENT')
  })
})
