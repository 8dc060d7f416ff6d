import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const root = fileURLToPath(new URL('../..', import.meta.url))
const house = (...args: string[]) =>
  spawnSync(process.execPath, ['scripts/house.ts', ...args], { cwd: root, encoding: 'utf8' })

describe('the command line of a script', () => {
  it('prints what can be said for --help, and what is wrong with it, in a few lines and without a stack trace', () => {
    const help = house('--help')
    expect([help.status, help.stderr]).to.deep.equal([0, ''])
    expect(help.stdout).to.match(/^Usage: npm run house/)
    const wrong = house('--lst')
    expect([wrong.status, wrong.stdout]).to.deep.equal([2, ''])
    expect(wrong.stderr).to.include("'--lst'").and.include('--list').and.not.include('    at ')
  })

  it('of package.json is prepared first, so that a fresh clone with any Node can run it', () => {
    const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { scripts: Record<string, string> }
    const unprepared = Object.keys(scripts).filter(
      (name) => / node \S+\.ts/.test(scripts[name]!) && !scripts[`pre${name}`]?.startsWith('node scripts/prepare.mjs'),
    )
    expect(unprepared).to.deep.equal([])
  })
})
