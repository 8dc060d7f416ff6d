import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { viewsDirectory } from '../../../src/files.ts'
import { checkLayout, readLayout } from '../../../src/http/branding/layout-template.ts'
import { testPages } from '../harness.ts'
import { samplePages } from '../sample-pages.ts'

const guide = readFileSync(join(viewsDirectory, '../../docs/branding.md'), 'utf8')
const example = /```html\n([^]*?)```/.exec(guide)?.[1] ?? ''
const head = `<%~ include('@head', it) %>`
const whole = (more: string) => `<html>\n<head>${head}</head>\n<body>\n${more}\n<%~ it.body %></body>\n</html>`

describe('checkLayout', () => {
  it('takes the example of the guide', () => {
    expect(example).to.contain('it.body')
    expect(checkLayout(example)).to.deep.equal([])
  })

  const bad: [string, string, { line: number; says: string }[]][] = [
    ['a program', '<% process.exit(1) %>', [{ line: 4, says: '<% process.exit(1) %> is not allowed here' }]],
    [
      'a call that hides in a value',
      '<p><%= it.constructor.constructor("return process")() %></p>',
      [{ line: 4, says: 'it.constructor.constructor("return process")() cannot be shown; there are it.title' }],
    ],
    ['raw HTML of a value', '<%~ it.title %>', [{ line: 4, says: '<%~ it.title %> is not allowed here' }]],
    ['a value that does not exist', '<%= it.titel %>', [{ line: 4, says: 'it.titel cannot be shown' }]],
    ['a link outside of its loop', '\n<%= link.url %>', [{ line: 5, says: 'link.url cannot be shown' }]],
    [
      'a condition that runs something',
      '<% if (alert(1)) { %>x<% } %>',
      [{ line: 4, says: 'alert(1) cannot be shown' }],
    ],
    ['a block without an end', '\n<% if (it.wide) { %>', [{ line: 5, says: 'has no <% } %>' }]],
    ['an end without a block', '<% } %>', [{ line: 4, says: '<% } %> is not allowed here' }]],
    [
      'an else of a loop',
      `<% for (const link of it.branding.footerLinks) { %><% } else { %><% } %>`,
      [{ line: 4, says: '} else {' }],
    ],
    ['the page twice', '<%~ it.body %>', [{ line: 1, says: 'must have <%~ it.body %> once' }]],
  ]
  for (const [what, more, wanted] of bad) {
    it(`names the line of ${what}`, () => {
      const faults = checkLayout(whole(more))
      expect(faults.map(({ line }) => line)).to.deep.equal(wanted.map(({ line }) => line))
      wanted.forEach(({ says }, at) => expect(faults[at]?.message).to.contain(says))
    })
  }

  it('names a tag that does not end, and each part that is missing', () => {
    const faults = checkLayout('<p>\n<%= it.title')
    expect(faults.map(({ line, message }) => `${line} ${message}`)).to.deep.equal([
      '2 <% has no %>',
      "1 must have <%~ include('@head', it) %> once",
      '1 must have <%~ it.body %> once',
    ])
    expect(checkLayout(' '.repeat(33 * 1024))[0]?.message).to.equal('must be at most 32 KiB')
  })
})

describe('readLayout', () => {
  let folder = ''
  beforeEach(() => {
    folder = temporaryDirectory('layout')
  })
  const layoutFile = (text: string) => {
    const path = join(folder, 'layout.eta')
    writeFileSync(path, text)
    return path
  }
  const asking = { headers: {} } as IncomingMessage

  it('finds a broken template at the start, with its file and line', () => {
    const path = layoutFile(whole('<%= secret %>'))
    expect(() => testPages({ branding: { layoutFile: path } }))
      .to.throw()
      .that.satisfies((error: unknown) => {
        if (!hasCode(error, 'SETTINGS_INVALID')) return false
        const [fault] = error.faults
        return fault?.path === 'branding.layoutFile' && fault.message.startsWith(`${path}, line 4: secret cannot be`)
      })
    expect(() => readLayout(join(folder, 'missing.eta')))
      .to.throw()
      .that.satisfies(
        (error: unknown) => hasCode(error, 'SETTINGS_INVALID') && /mount the file/.test(error.faults[0]!.message),
      )
  })

  it('L15 surrounds every page, and what it shows is text', () => {
    const title = '<script>alert(1)</script>"'
    const footerLinks = [{ label: '<b>Help</b>', url: 'https://help.example.com/?a=1&b=2' }]
    const { pages, assets } = testPages({ branding: { title, footerLinks, layoutFile: layoutFile(example) } })
    for (const [name, page] of Object.entries(samplePages)) {
      const { body } = pages.render(page, asking)
      expect(body, name).to.contain('Example Corporation').and.contain(`href="${assets.stylesheet}"`)
      expect(body, name).to.contain('&lt;b&gt;Help&lt;/b&gt;').and.contain('?a=1&amp;b=2')
      expect(body.replaceAll(`<script type="module" src="${assets.script}"></script>`, ''), name).not.to.contain(
        '<script',
      )
      expect(body.match(/<h1>/g), name).to.have.length(1)
    }
  })

  it('is read once: what becomes of the file later changes no running server', () => {
    const path = layoutFile(example)
    const { pages } = testPages({ branding: { layoutFile: path } })
    writeFileSync(path, '<% broken')
    expect(pages.render(samplePages['sign-in']!, asking).body).to.contain('Example Corporation')
  })
})
