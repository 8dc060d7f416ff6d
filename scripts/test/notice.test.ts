import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { renderNotice } from '../notice.ts'

describe('renderNotice', () => {
  let folder: string
  before(() => (folder = temporaryDirectory('notice')))

  const noticeOf = (packages: object): string => {
    const file = join(folder, 'package-lock.json')
    const shipped = { operator: {}, 'config-agent': {} }
    writeFileSync(file, JSON.stringify({ packages: { ...shipped, ...packages } }))
    return renderNotice(file)
  }
  const server = { server: { dependencies: { outer: '1' } } }

  it('names what ships and what that needs, each with its own version, and nothing else', () => {
    const text = noticeOf({
      ...server,
      'node_modules/outer': { version: '1.0.0', license: 'MIT', dependencies: { inner: '2' } },
      'node_modules/outer/node_modules/inner': { version: '2.0.0', license: '(Apache-2.0 AND BSD-3-Clause)' },
      'node_modules/inner': { version: '1.0.0', license: 'ISC' },
      'node_modules/only-for-tests': { version: '1.0.0', license: 'GPL-3.0' },
    })
    expect(text.split('\n\n').at(-1)).to.equal('inner 2.0.0: Apache-2.0 AND BSD-3-Clause\nouter 1.0.0: MIT\n')
  })

  it('refuses a licence that nobody has allowed', () => {
    const outer = { version: '1.0.0', license: 'GPL-3.0' }
    expect(() => noticeOf({ ...server, 'node_modules/outer': outer })).to.throw('outer (GPL-3.0)')
  })
})
