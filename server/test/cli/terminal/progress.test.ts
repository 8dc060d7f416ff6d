import { Writable } from 'node:stream'
import { expect } from 'chai'
import { createProgress } from '../../../src/cli/terminal/progress.ts'

describe(createProgress.name, () => {
  function open(isTTY: boolean) {
    let written = ''
    const sink = new Writable({ write: (chunk: Buffer, _, done) => ((written += chunk.toString()), done()) })
    const clock = { at: 0 }
    const progress = createProgress({ stderr: Object.assign(sink, { isTTY }) } as never, () => clock.at)
    return { progress, clock, written: () => written }
  }

  it('replaces its line at a terminal, and takes it away at the end', () => {
    const { progress, clock, written } = open(true)
    progress.write('1 so far')
    progress.write('2 so far')
    clock.at = 1000
    progress.write('3 so far')
    progress.end()
    expect(written().split('\r\u001b[2K')).to.deep.equal(['', '1 so far', '3 so far', ''])
  })

  it('writes nothing where no person looks, and nothing when there was nothing to tell', () => {
    const piped = open(false)
    piped.progress.write('1 so far')
    piped.progress.end()
    const unused = open(true)
    unused.progress.end()
    expect([piped.written(), unused.written()]).to.deep.equal(['', ''])
  })
})
