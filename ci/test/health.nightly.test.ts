import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parse } from 'yaml'
import { healthCases } from './support/health-cases.ts'

// What Argo CD shows: examples/gitops/argo-cd-health.yaml, run by the Lua that Argo CD has (5.1).

describe('the health check for Argo CD', function () {
  before(function () {
    if (spawnSync('lua5.1', ['-v']).status === 0) return
    process.stderr.write('no lua5.1 in the PATH (Debian: lua5.1): the health checks for Argo CD are not tried\n')
    this.skip()
  })
  const { data } = parse(readFileSync('examples/gitops/argo-cd-health.yaml', 'utf8')) as {
    data: Record<string, string>
  }

  for (const { title, object, health } of healthCases) {
    it(`${title} is ${health}`, () => {
      const check = data[`resource.customizations.health.auth.nauthera.io_${object.kind}`]!
      const program = `local obj = ${luaOf(object)}
        local function check()
          ${check}
        end
        local health = check()
        print(health.status)
        print(type(health.message))`
      const { stdout, stderr } = spawnSync('lua5.1', ['-'], { input: program, encoding: 'utf8' })
      expect(stdout, stderr).to.equal(`${health}\nstring\n`)
    })
  }
})

/** A value as a Lua table. */
function luaOf(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(luaOf).join(', ')}}`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, child]) => `[${JSON.stringify(key)}] = ${luaOf(child)}`)
    .join(', ')}}`
}
