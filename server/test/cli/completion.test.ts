import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import type { Command } from 'commander'
import { renderCompletion } from '../../src/cli/completion.ts'
import { createProgram } from '../../src/cli/program.ts'

const terminal = { onInterrupt: () => () => undefined } as never
const program = createProgram({ terminal, environment: {}, version: '1', by: 'root' }, () => undefined)

function everyCommand(
  command: Command,
  parent = '',
): { path: string; parent: string; name: string; options: string[] }[] {
  return command.commands.flatMap((child) => {
    const name = child.name()
    const path = `${parent} ${name}`.trim()
    const options = child.options.flatMap(({ long }) => (long ? [long] : []))
    return [{ path, parent, name, options }, ...everyCommand(child, path)]
  })
}

describe(renderCompletion.name, () => {
  /** What bash offers after these words; the last one is begun. */
  function offered(...words: string[]): string[] {
    const script = `${renderCompletion('bash', program)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nauthera; printf '%s\\n' "\${COMPREPLY[@]}"`
    const bash = spawnSync('bash', ['--norc', '-c', script, 'bash', 'nauthera', ...words], { encoding: 'utf8' })
    expect([bash.status, bash.stderr]).to.deep.equal([0, ''])
    return bash.stdout.split('\n').filter((word) => word !== '')
  }

  it('offers commands, and commands below them', () => {
    expect(offered('')).to.include.members(['users', 'groups', 'consents', 'audit', 'keys', 'doctor', '--settings'])
    expect(offered('us')).to.deep.equal(['users'])
    expect(offered('users', '')).to.include.members(['add', 'delete', 'revoke-sessions']).and.not.include('groups')
  })

  it('offers the options of a command, also after arguments and other options', () => {
    expect(offered('users', 'add', 'ada', '--em')).to.deep.equal(['--email', '--email-verified'])
    expect(offered('-o', 'json', 'groups', 'del')).to.deep.equal(['delete'])
  })

  it('offers what an option can be, and files where one is meant', () => {
    expect(offered('users', 'list', '-o', '')).to.deep.equal(['table', 'json', 'yaml'])
    expect(offered('users', 'list', '--output', 'y')).to.deep.equal(['yaml'])
    expect(offered('--settings', 'package.js')).to.deep.equal(['package.json'])
  })

  it('names every command for zsh and fish', () => {
    const zsh = renderCompletion('zsh', program)
    const fish = renderCompletion('fish', program)
    expect(zsh.startsWith('#compdef nauthera\n')).to.equal(true)
    for (const { path, parent, name, options } of everyCommand(program)) {
      const offers = zsh.split('\n').find((line) => line.startsWith(`    '${path}') offered=`))
      expect(fish).to.contain(`-n '__nauthera_at "${parent}"' -a ${name} `)
      for (const option of options) {
        expect(offers, path).to.contain(option)
        expect(fish, path).to.match(new RegExp(`-n '__nauthera_at "${path}"'.* -l ${option.slice(2)}\\b`))
      }
    }
    expect(fish).to.contain(`-s o -l output -x -a 'table json yaml'`)
  })
})
