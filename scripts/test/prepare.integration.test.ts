import { spawn } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('npm run dev in a fresh clone', function () {
  for (const [sentence, listens] of [
    ['refuses the connection', false],
    ['takes it and is silent', true],
  ] as const)
    it(`says that this machine may be offline, while npm still tries, when the registry ${sentence}`, async () => {
      const clone = temporaryDirectory('clone')
      mkdirSync(join(clone, 'scripts'))
      for (const file of ['scripts/prepare.mjs', 'package.json', 'package-lock.json'])
        cpSync(join(root, file), join(clone, file))
      const registry = createServer((socket) => socket.on('error', () => undefined).resume())
      await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', () => resolve()))
      const { port } = registry.address() as AddressInfo
      if (!listens) registry.close()
      const child = spawn(process.execPath, ['scripts/prepare.mjs'], {
        cwd: clone,
        env: {
          PATH: process.env['PATH'],
          HOME: clone,
          npm_execpath: process.env['npm_execpath'],
          npm_config_registry: `http://127.0.0.1:${port}`,
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      reapProcess(child, 'KILL')
      try {
        let said = ''
        await new Promise<void>((resolve, reject) => {
          child.stderr.on('data', (chunk) => {
            said += String(chunk)
            if (said.includes('is this machine offline?')) resolve()
          })
          child.once('close', (code) => reject(new Error(`ended with ${code}: ${said}`)))
        })
        expect(said).to.match(/the package registry (does not answer|has not answered yet): is this machine offline\?/)
      } finally {
        child.kill('SIGTERM')
        // npm ends with it: it holds connections for minutes
        if (listens) await new Promise((resolve) => registry.close(resolve))
      }
    })
})
