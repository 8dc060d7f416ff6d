import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parseAst } from 'rolldown/parseAst'
import { patterns } from '../../operator/src/api/patterns.ts'

// Each regular expression of the product, with long texts that it nearly matches: the time that one takes must grow with the text, and not with
// its square.

interface Expression {
  readonly where: string
  readonly source: string
  readonly flags: string
}

/** Those that stand in a file. One that is put together at run time is not found; those of the CRDs are. */
function expressionsIn(file: string): Expression[] {
  const found: Expression[] = []
  const text = readFileSync(file, 'utf8')
  const look = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if ('regex' in node && 'start' in node) {
      const { pattern, flags } = node.regex as { pattern: string; flags: string }
      const line = text.slice(0, Number(node.start)).split('\n').length
      found.push({ where: `${file}:${line}`, source: pattern, flags })
    } else for (const value of Object.values(node)) look(value)
  }
  look(parseAst(text, { lang: 'ts' }))
  return found
}

const products = ['server', 'rules', 'runtime', 'proto', 'operator', 'config-agent']
const expressions: readonly Expression[] = [
  ...products.flatMap((product) => globSync(`${product}/src/**/*.ts`).flatMap(expressionsIn)),
  ...Object.entries(patterns).map(([name, source]) => ({ where: `patterns.${name}`, source, flags: 'u' })),
].filter(({ source }) => /[*+]|\{\d*,/.test(source))

/** What is repeated: characters, those of the expression, and pairs. */
function unitsFor(source: string): Set<string> {
  const literal = source.replaceAll(/\\[a-zA-Z]/g, '').split('')
  const single = new Set([...`a0A .-_/:@(,"'\\=%*\n\t+&[{<#|;\u00a0`.split(''), ...literal])
  const pairs = [...single].slice(0, 22).flatMap((one) => ['a', '.', ' ', '-'].map((other) => one + other))
  return new Set([...single, ...wordsIn(source), ...pairs])
}

const wordsIn = (source: string) => [...source.matchAll(/[A-Za-z0-9@.:/ =_-]{2,}/g)].map(([word]) => word)
const begins = ['', 'a', '(', ' (', '{', '"', '<%', 'https://', 'x@', '/*', 'a=']
const ends = ['\u0001', ' x', '\n', 'é!']

/** Milliseconds of the processor. */
function timeOf(expression: RegExp, text: string): number {
  const before = process.threadCpuUsage()
  if (expression.flags.includes('g')) text.replace(expression, '')
  else expression.test(text)
  return process.threadCpuUsage(before).user / 1000
}

/** @returns the text that takes too long, in words */
function slowText({ source, flags }: Expression): string | undefined {
  const expression = new RegExp(source, flags.replace('y', ''))
  let at = 0
  for (const unit of unitsFor(source))
    for (const begin of [...begins, ...wordsIn(source).slice(0, 4)]) {
      const text = (length: number) => begin + unit.repeat(Math.ceil(length / unit.length)) + ends[at % ends.length]!
      at++
      // four times as long: sixteen times the time where it grows with the square
      const isSlow = [3000, 6000, 24_000].every((length, step) => timeOf(expression, text(length)) > [2, 8, 150][step]!)
      if (isSlow) return `${JSON.stringify(begin)} and many ${JSON.stringify(unit)}`
    }
  return undefined
}

describe('the regular expressions of the product', function () {
  this.timeout(900_000)
  it('E3 are found, and a slow one would be seen', () => {
    expect(expressions.length).to.be.above(100)
    const slow = { where: 'here', source: String.raw`^\S*[@/.:_]\S*$`, flags: '' }
    expect(slowText(slow)).to.be.a('string')
  })

  it('E3 take a time that grows with the text, and not with its square', () => {
    expect(expressions.flatMap((one) => slowText(one)?.replace(/^/, `${one.where} `) ?? [])).to.deep.equal([])
  })
})
