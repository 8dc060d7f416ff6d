import { spawn } from 'node:child_process'
import { expect } from 'chai'
import { readOutput } from '../../src/processes/read-output.ts'

const run = (program: string, ...args: string[]) =>
  readOutput(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }))

describe('readOutput', () => {
  it('has both outputs of a program and its code once it has ended', async () => {
    const script = 'process.stdout.write("out"); process.stderr.write("err"); process.exitCode = 3'
    expect(await run(process.execPath, '-e', script)).to.deep.equal({ code: 3, stdout: 'out', stderr: 'err' })
  })

  it('throws when there is no such program', async () => {
    const error = await run('/nowhere/program').catch((thrown: unknown) => thrown)
    expect(error).to.be.an('error').that.has.property('code', 'ENOENT')
  })
})
