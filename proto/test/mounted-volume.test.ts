import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '@nauthera/stand-in/atomic-writer'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { inOneVersion } from '../src/mounted-volume.ts'

const filesOf = (turn: number) =>
  new Map(['username', 'password'].map((name) => [name, Buffer.from(`${name} ${turn}`)]))

describe('inOneVersion', () => {
  let directory: string
  beforeEach(() => {
    directory = temporaryDirectory('volume')
    writeAtomically(directory, filesOf(0))
  })
  const read = (name: string) => readFileSync(join(directory, name), 'utf8')

  it('reads all again when the volume was switched between two files', () => {
    let turn = 0
    const pair = inOneVersion([join(directory, 'username')], () => {
      const username = read('username')
      if (turn < 3) writeAtomically(directory, filesOf(++turn))
      return [username, read('password')]
    })
    expect(pair).to.deep.equal(['username 3', 'password 3'])
  })

  it('reads again when a file went with the version that was removed in mid-reading', () => {
    let isSwitched = false
    const reads: string[] = []
    inOneVersion([join(directory, 'username')], () => {
      reads.push(read('username'))
      if (isSwitched) return
      isSwitched = true
      writeAtomically(directory, filesOf(1))
      readFileSync(join(directory, 'gone with the version before'))
    })
    expect(reads).to.deep.equal(['username 0', 'username 1'])
  })

  it('says at once that a file is missing from a volume that stays', () => {
    let times = 0
    const missing = () => {
      times++
      return read('nothing')
    }
    expect(() => inOneVersion([join(directory, 'nothing')], missing)).to.throw('ENOENT')
    expect(times).to.equal(1)
  })

  it('gives up on a volume that never stays', () => {
    let turn = 0
    expect(() =>
      inOneVersion([join(directory, 'username')], () => writeAtomically(directory, filesOf(++turn))),
    ).to.throw('faster')
  })

  it('reads files of a directory that is no volume of the kubelet', () => {
    const directory = temporaryDirectory('volume')
    try {
      writeAtomically(directory, filesOf(0))
      const file = join(directory, '..data', 'password')
      expect(inOneVersion([file], () => readFileSync(file, 'utf8'))).to.equal('password 0')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
