import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect } from 'chai'

// docs/adr: numbers without gaps, one table of contents, one page each; whatever names a decision finds it.

const folder = 'docs/adr'
const pages = globSync(`${folder}/[0-9]*.md`)
  .map((path) => basename(path))
  .sort()
const textOf = (page: string) => readFileSync(`${folder}/${page}`, 'utf8')
const titleOf = (page: string) => textOf(page).split('\n')[0]!.replace('# ', '')

const places =
  '{docs,charts,ci,config-agent,examples,harness,local,operator,proto,rules,runtime,scripts,server,stand-in}'
const readers = [...globSync('*.{md,ts}'), ...globSync(`${places}/**/*.{md,ts,mjs,tpl,yaml,proto,sql,eta}`)].filter(
  (path) => !/node_modules|generated/.test(path),
)

/** `ADR 3`, `ADR 28, 30` -> the numbers. */
const numbersIn = (text: string): number[] =>
  [...text.matchAll(/\bADRs? (\d+(?:(?:,| and) \d+)*)/g)].flatMap(([, list]) => list!.match(/\d+/g)!.map(Number))

describe('docs/adr', () => {
  it('numbers its pages without gaps', () => {
    expect(pages.map((page) => Number(page.slice(0, 4)))).to.deep.equal(pages.map((_, index) => index + 1))
    for (const page of pages) expect(textOf(page), page).to.match(new RegExp(`^# ${Number(page.slice(0, 4))}\\. `))
  })

  it('has each page in its table of contents, with its title', () => {
    const lines = [...textOf('README.md').matchAll(/^- \[(.+)\]\((.+)\)$/gm)]
    expect(lines.map(([, title, page]) => [page, title])).to.deep.equal(pages.map((page) => [page, titleOf(page)]))
  })

  it('has no page that is longer than one', () =>
    expect(pages.filter((page) => textOf(page).length > 6000)).to.deep.equal([]))

  it('says context, decision and consequences on each page', () => {
    const parts = [/^## Context$/m, /^## Decision/m, /^## (Consequences|What does not hold)$/m]
    expect(pages.filter((page) => !parts.every((part) => part.test(textOf(page))))).to.deep.equal([])
  })

  it('is where whatever names a decision leads', () => {
    const named = readers.flatMap((path) => {
      const text = readFileSync(path, 'utf8')
      const numbers = numbersIn(text).filter((number) => number < 1 || number > pages.length)
      const files = [...text.matchAll(/\badr\/(\d{4}-[\w-]+\.md)/g)].filter(
        ([, page]) => !existsSync(`${folder}/${page}`),
      )
      return [...numbers.map((number) => `${path}: ADR ${number}`), ...files.map(([whole]) => `${path}: ${whole}`)]
    })
    expect(named).to.deep.equal([])
    expect(readers.flatMap((path) => numbersIn(readFileSync(path, 'utf8'))).length).to.be.greaterThan(20)
  })
})
