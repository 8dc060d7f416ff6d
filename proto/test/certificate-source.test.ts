import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { createCertificateHolder, followCertificateFiles } from '../src/certificate-source.ts'
import type { CertificateSet, CertificateSource } from '../src/certificate-source.ts'
import { createAuthority, issueLeaf } from '../src/certificates.ts'

const newSet = async (): Promise<CertificateSet> => {
  const authority = await createAuthority({ name: 'test', lifetimeMs: 60_000 })
  return { ca: authority.cert, ...(await issueLeaf(authority, { usage: 'both', dnsNames: ['test'] })) }
}

describe('createCertificateHolder', () => {
  it('announces each new set of certificates once', async () => {
    const holder = createCertificateHolder()
    const told: CertificateSet[] = []
    const stop = holder.onChange((set) => told.push(set))
    const [one, other] = [await newSet(), await newSet()]
    for (const set of [one, { ...one }, other]) holder.replace(set)
    stop()
    holder.replace(one)
    expect(told).to.deep.equal([one, other])
    expect(holder.current()).to.equal(one)
  })
})

describe('followCertificateFiles', () => {
  let directory: string
  let source: (CertificateSource & { stop(): void }) | undefined
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'certificates-'))
  })
  afterEach(async () => {
    source?.stop()
    await rm(directory, { recursive: true })
  })
  const files = () => ({ ca: join(directory, 'ca'), cert: join(directory, 'cert'), key: join(directory, 'key') })
  const write = async (set: Partial<CertificateSet>) => {
    for (const [name, content] of Object.entries(set)) await writeFile(join(directory, name), content)
  }
  const nextFault = (onFault: { current?: (error: Error) => void }) =>
    new Promise<Error>((resolve) => (onFault.current = resolve))

  it('reads files that appear later, and each change of them', async () => {
    source = followCertificateFiles(files(), { pollMs: 5 })
    expect(source.current()).to.equal(undefined)
    for (const set of [await newSet(), await newSet()]) {
      const arrived = new Promise<void>((resolve) => {
        source!.onChange(({ ca, cert }) => ca === set.ca && cert === set.cert && resolve())
      })
      await write(set)
      await arrived
      expect(source.current()).to.deep.equal(set)
    }
  })

  it('has one whole set whenever it looks, while the kubelet switches the volume', async () => {
    const versions = [await newSet(), await newSet()]
    const faults: string[] = []
    const seen = new Set<string>()
    source = followCertificateFiles(files(), { pollMs: 1, onFault: ({ message }) => faults.push(message) })
    source.onChange(({ ca, cert, key }) => seen.add(JSON.stringify({ ca, cert, key })))
    // once, unless it had no time to look
    while (seen.size < versions.length) {
      const swapping = new Worker(new URL('./support/swap-volume.ts', import.meta.url), {
        workerData: { directory, versions, times: 300 },
      })
      await once(swapping, 'exit')
    }
    expect(faults).to.deep.equal([])
    expect([...seen]).to.have.members(versions.map(({ ca, cert, key }) => JSON.stringify({ ca, cert, key })))
  })

  it('F17 keeps the last usable set when files do not match, are damaged or are missing, and reports the fault', async () => {
    await write(await newSet())
    const listener: { current?: (error: Error) => void } = {}
    let faults = 0
    source = followCertificateFiles(files(), {
      pollMs: 5,
      onFault: (error) => {
        faults++
        listener.current?.(error)
      },
    })
    for (const damage of [{ key: (await newSet()).key }, { cert: 'no PEM' }, { cert: '' }, { ca: '' }]) {
      // the same fault is told once: between two of them the files are good
      const good = await renew()
      const fault = nextFault(listener)
      await write({ ...good, ...damage })
      await fault
      expect(source.current()).to.deep.equal(good)
    }
    await rm(files().ca)
    expect(faults).to.be.at.least(4)
    const renewed = await renew()
    expect(source.current()).to.deep.equal(renewed)
  })

  /** Writes new files. @returns what they are, once they are in use */
  async function renew(): Promise<CertificateSet> {
    const renewed = await newSet()
    const arrived = new Promise<void>((resolve) => {
      // The files change one by one: a new CA beside the old leaf is usable too, as in the overlap of two CAs.
      source!.onChange((set) => set.cert === renewed.cert && set.ca === renewed.ca && resolve())
    })
    await write(renewed)
    await arrived
    return renewed
  }
})
