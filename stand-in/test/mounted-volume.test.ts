import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { mountVolume } from '../src/mounted-volume.ts'
import type { MountedVolume } from '../src/mounted-volume.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('mountVolume', () => {
  let directory: string
  let secrets: Map<string, Record<string, string>>
  let volume: MountedVolume | undefined

  const mount = (options: { nudgeMs?: number; onSync?: (swapped: boolean) => void } = {}) => {
    volume = mountVolume({
      directory,
      sources: [{ secret: 'one', keys: ['a'] }, { secret: 'two' }],
      read: (name) => secrets.get(name),
      periodMs: () => 3_600_000,
      ...options,
    })
    return volume
  }
  const visible = () =>
    readdirSync(directory)
      .filter((name) => !name.startsWith('..'))
      .sort()
  const read = (name: string) => readFileSync(join(directory, name), 'utf8')

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nauthera-volume-'))
    secrets = new Map([['one', { a: base64('1'), hidden: base64('no') }]])
  })
  afterEach(() => {
    volume?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('shows the wanted keys through ..data, and no file for a Secret that does not exist', () => {
    mount()
    expect(visible()).to.deep.equal(['a'])
    expect(readlinkSync(join(directory, 'a'))).to.equal('..data/a')
    expect(readlinkSync(join(directory, '..data'))).to.match(/^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\./)
    expect(read('a')).to.equal('1')
  })

  it('replaces all files at once and leaves nothing of the old version', () => {
    mount()
    const before = readlinkSync(join(directory, '..data'))
    secrets.set('one', { a: base64('2') })
    secrets.set('two', { b: base64('3') })
    expect(volume!.sync()).to.equal(true)
    expect([read('a'), read('b')]).to.deep.equal(['2', '3'])
    secrets.delete('one')
    volume!.sync()
    expect(visible()).to.deep.equal(['b'])
    expect(readdirSync(directory)).to.have.length(3).and.to.not.include(before)
  })

  it('touches nothing when nothing changed', () => {
    mount()
    const before = readlinkSync(join(directory, '..data'))
    expect(volume!.sync()).to.equal(false)
    expect(readlinkSync(join(directory, '..data'))).to.equal(before)
  })

  it('stays as it is while it is held, and is updated when it is released', () => {
    mount().hold()
    secrets.set('one', { a: base64('2') })
    volume!.sync()
    expect(read('a')).to.equal('1')
    volume!.release()
    expect(read('a')).to.equal('2')
  })

  it('shows damaged files until the damage is taken back', () => {
    mount().damage = (files) => new Map([...files].map(([name, content]) => [name, content.subarray(0, 0)]))
    volume!.sync()
    expect(read('a')).to.equal('')
    volume!.damage = undefined
    volume!.sync()
    expect(read('a')).to.equal('1')
  })

  it('syncs soon after a nudge', async () => {
    const synced = Promise.withResolvers<boolean>()
    let first = true
    mount({
      onSync: (swapped) => {
        if (!first) synced.resolve(swapped)
        first = false
      },
    })
    secrets.set('one', { a: base64('2') })
    volume!.nudge()
    expect(await synced.promise).to.equal(true)
    expect(read('a')).to.equal('2')
  })

  it('syncs though nudges never cease', async () => {
    const synced = Promise.withResolvers<boolean>()
    let isFirst = true
    mount({
      nudgeMs: 5,
      onSync: (swapped) => {
        if (!isFirst) synced.resolve(swapped)
        isFirst = false
      },
    })
    secrets.set('one', { a: base64('2') })
    const nudges = setInterval(() => volume!.nudge(), 1)
    expect(await synced.promise.finally(() => clearInterval(nudges))).to.equal(true)
  })
})
