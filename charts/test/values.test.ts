import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readValues } from '../../scripts/chart/values.ts'
import { chart } from './support/render.ts'

const { defaults } = readValues()

describe('every value', () => {
  it('that a template reads is in values.yaml', () => {
    const templates = join(chart, 'templates')
    const named = readdirSync(templates, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(tpl|yaml|txt)$/.test(file))
      .flatMap((file) => [
        ...readFileSync(join(templates, file), 'utf8').matchAll(/(?:\.Values|\$v)\.([A-Za-z]+(?:\.[A-Za-z]+)*)/g),
      ])
      .map(([, path]) => path!)
    expect(named.length).to.be.greaterThan(100)
    const isDeclared = (path: string) =>
      path
        .split('.')
        .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], defaults) !== undefined
    expect([...new Set(named)].filter((path) => !isDeclared(path))).to.deep.equal([])
  })
})
